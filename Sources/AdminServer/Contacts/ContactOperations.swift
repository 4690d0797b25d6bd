/// What a job on a file of contacts is asked for.
public struct AdminContactJobRequest: Codable, Sendable, Equatable {
    /// `contacts`, or `plain` for contacts without presence.
    public var format: String
    /// The file, where it is small; else `upload`.
    public var csv: String?
    /// A file that `jobs.upload` has taken.
    public var upload: String?
    /// Everything is checked and reported, nothing changes.
    public var dryRun: Bool
    /// Contacts are asked for their presence, as the user's client would.
    public var subscribe: Bool

    public init(
        format: String = "contacts", csv: String? = nil, upload: String? = nil, dryRun: Bool = false,
        subscribe: Bool = true
    ) {
        self.format = format
        self.csv = csv
        self.upload = upload
        self.dryRun = dryRun
        self.subscribe = subscribe
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        format = try container.decodeIfPresent(String.self, forKey: .format) ?? "contacts"
        csv = try container.decodeIfPresent(String.self, forKey: .csv)
        upload = try container.decodeIfPresent(String.self, forKey: .upload)
        dryRun = try container.decodeIfPresent(Bool.self, forKey: .dryRun) ?? false
        subscribe = try container.decodeIfPresent(Bool.self, forKey: .subscribe) ?? true
    }
}

/// What an export of contacts is asked for.
public struct AdminContactExportRequest: Codable, Sendable, Equatable {
    /// `contacts`, or `plain` for contacts without presence.
    public var format: String
    /// Only users of this domain.
    public var domain: String?
    /// Group Name of contacts that are in no group; for products that insist on one.
    public var group: String?

    public init(format: String = "contacts", domain: String? = nil, group: String? = nil) {
        self.format = format
        self.domain = domain
        self.group = group
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        format = try container.decodeIfPresent(String.self, forKey: .format) ?? "contacts"
        domain = try container.decodeIfPresent(String.self, forKey: .domain)
        group = try container.decodeIfPresent(String.self, forKey: .group)
    }
}

enum ContactOperations {
    static let kinds: [any JobKind] = [
        ContactImportJob(), ContactExportJob(), ContactRenameJob(), PlainContactImportJob(), PlainContactExportJob(),
    ]

    static let all: [AdminOperation] = [
        AdminOperation(
            "contacts.import", .post, "/contacts/import",
            "Puts the rows of a file into the contact lists of users, as a job.",
            details: """
                Columns: `\(ContactFile.contacts.joined(separator: ","))` (the last may be missing), or for contacts \
                without presence `\(ContactFile.plainContacts.joined(separator: ","))`. The file is in `csv`, or was \
                sent by `jobs.upload`.
                """,
            body: AdminContactJobRequest.self, roles: .administrators, status: 201,
            bodyBytes: AdminLimits.importBytes, result: AdminJob.self, location: { "/jobs/\($0.id)" }
        ) { call, request in
            try await submit(call, request.format == "plain" ? "contacts.import-plain" : "contacts.import", request)
        },
        AdminOperation(
            "contacts.rename", .post, "/contacts/rename",
            "Gives contacts other addresses in the lists of everybody, as a job.",
            details: "Columns: `\(ContactFile.renames.joined(separator: ","))`.",
            body: AdminContactJobRequest.self, roles: .administrators, status: 201,
            bodyBytes: AdminLimits.importBytes, result: AdminJob.self, location: { "/jobs/\($0.id)" }
        ) { call, request in try await submit(call, "contacts.rename", request) },
        AdminOperation(
            "contacts.export", .post, "/contacts/export",
            "Writes the contact lists of users into a file, as a job; `jobs.result` has it then.",
            body: AdminContactExportRequest.self, roles: .administrators, status: 201, result: AdminJob.self,
            location: { "/jobs/\($0.id)" }
        ) { call, request in
            let job = try await call.admin.jobs.submit(
                request.format == "plain" ? "contacts.export-plain" : "contacts.export",
                ContactJobParameters(domain: request.domain, group: request.group), actor: call.principal.name)
            call.note.target = "job \(job.id)"
            return job
        },
        AdminOperation(
            "users.validate", .get, "/users/validation",
            "Accounts that are in each other's way, or whose directory URI is missing or wrong.",
            parameters: [
                .query("check", "What is looked at.", .words(AdminUserValidation.Check.allCases.map(\.rawValue))),
                .query("limit", "Findings of each section at most.", .integer(1...1_000)),
            ], roles: .everyone, result: AdminUserValidation.self
        ) { call in
            try await call.backend.validateUsers(
                call["check"].flatMap { .init(rawValue: $0) } ?? .all, limit: call.limit(default: 10))
        },
    ]

    private static func submit(
        _ call: OperationCall, _ kind: String, _ request: AdminContactJobRequest
    ) async throws -> AdminJob {
        guard (request.csv == nil) != (request.upload == nil) else {
            throw AdminError(.invalid, "either csv or upload names the file")
        }
        let job = try await call.admin.jobs.submit(
            kind, ContactJobParameters(isDryRun: request.dryRun, subscribes: request.subscribe),
            upload: request.upload, csv: request.csv, actor: call.principal.name)
        call.note.target = "job \(job.id)"
        call.note.summary = request.dryRun ? "\(kind), dry run" : kind
        return job
    }
}

extension AdminContactJobRequest: FieldDescribed {
    public static var fields: [String: FieldNote] {
        [
            "format": FieldNote("What the file has.", allowed: ["contacts", "plain"]),
            "csv": FieldNote("The file, where it is small.", range: 0...AdminLimits.importBytes),
            "upload": FieldNote("A file that was uploaded.", range: 1...64),
            "dryRun": FieldNote("Everything is checked and reported, nothing changes."),
            "subscribe": FieldNote("Contacts are asked for their presence, as the user's client would."),
        ]
    }
}

extension AdminContactExportRequest: FieldDescribed {
    public static var fields: [String: FieldNote] {
        [
            "format": FieldNote("Which contacts.", allowed: ["contacts", "plain"]),
            "domain": FieldNote("Only users of this domain.", range: 1...1_023),
            "group": FieldNote("Group Name of contacts that are in no group.", range: 1...255),
        ]
    }
}
