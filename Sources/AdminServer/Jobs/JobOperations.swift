enum JobOperations {
    private static let id = AdminOperation.Parameter.path("id", "Number of the job.", .integer(1...Int(Int32.max)))

    static let all: [AdminOperation] = [
        AdminOperation(
            "jobs.list", .get, "/jobs", "Jobs, the latest first.", parameters: AdminOperation.Parameter.paging,
            roles: .readers, result: AdminPage<AdminJob>.self
        ) { call in
            try await call.admin.jobs.list(before: try cursor(call), limit: call.limit())
        },
        AdminOperation(
            "jobs.get", .get, "/jobs/{id}", "One job: how far it is, and what became of it.", parameters: [id],
            roles: .readers, result: AdminJob.self
        ) { call in try await call.admin.jobs.job(try number(call)) },
        AdminOperation(
            "jobs.problems", .get, "/jobs/{id}/problems",
            "What was wrong with rows of a job, in its order; the first 10,000.",
            parameters: [id] + AdminOperation.Parameter.paging, roles: .readers,
            result: AdminPage<AdminJobProblem>.self
        ) { call in
            try await call.admin.jobs.problems(
                of: try number(call), after: try cursor(call) ?? 0, limit: call.limit())
        },
        AdminOperation(
            "jobs.result", .get, "/jobs/{id}/result", "A part of the file that a job has made, about a megabyte.",
            parameters: [
                id, .query("offset", "`next` of the part before.", .integer(0...Int(Int32.max) * 16)),
            ], roles: .administrators, result: AdminJobResult.self
        ) { call in
            try await call.admin.jobs.result(of: try number(call), from: call.integer("offset") ?? 0)
        },
        AdminOperation(
            "jobs.cancel", .post, "/jobs/{id}/cancel", "Ends a job that waits or runs; what it has done stays done.",
            parameters: [id], roles: .administrators, result: AdminJob.self
        ) { call in try await call.admin.jobs.cancel(try number(call)) },
        AdminOperation(
            "jobs.upload", .post, "/jobs/uploads", "Sends the next part of a file that a job is to work on.",
            body: AdminUploadPart.self, roles: .administrators, bodyBytes: AdminLimits.importBytes,
            result: AdminUpload.self
        ) { call, part in
            call.note.target = part.upload ?? "new"
            return try await call.admin.jobs.receive(part)
        },
    ]

    private static func number(_ call: OperationCall) throws -> Int {
        guard let id = call.integer("id") else { throw AdminError(.invalid, "id is not a number") }
        return id
    }

    private static func cursor(_ call: OperationCall) throws -> Int? {
        guard let text = call["cursor"] else { return nil }
        guard let number = Int(text), number >= 0 else {
            throw AdminError(.badRequest, "the cursor is not one of this list")
        }
        return number
    }
}

extension AdminUploadPart: FieldDescribed {
    public static var fields: [String: FieldNote] {
        [
            "upload": FieldNote("Name of the upload; left out for the first part.", range: 1...64),
            "offset": FieldNote("Bytes that were sent before.", range: 0...JobLimits.uploadBytes),
            "text": FieldNote("The part.", range: 0...JobLimits.partBytes * 4),
        ]
    }
}
