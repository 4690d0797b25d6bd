enum PortableOperations {
    static let all: [AdminOperation] = [
        AdminOperation(
            "portable.export", .get, "/users/{jid}/export",
            "A part of an account with all it owns, credentials and messages too (XEP-0227).",
            parameters: [.jid, .query("cursor", "`cursor` of the part before.", .string(1...16_384))],
            roles: .administrators, result: AdminExportPage.self
        ) { call in
            // What leaves the server is told, though nothing changes.
            if call["cursor"] == nil {
                try await call.admin.audit.write(AuditEntry(call, outcome: .done, now: call.admin.now))
            }
            return try await call.backend.exportUser(
                AdminExportRequest(jid: try call.text("jid"), cursor: call["cursor"]))
        },
        AdminOperation(
            "portable.import", .post, "/users/import-portable",
            "Takes accounts of a portable file (XEP-0227); each goes in as a whole or not at all.",
            body: AdminPortableBatch.self, roles: .administrators, bodyBytes: AdminLimits.importBytes,
            result: AdminPortableReport.self
        ) { call, batch in
            let report = try await call.backend.importUsers(batch)
            let failed = report.problems.count { $0.isFatal }
            call.note.target = batch.name
            call.note.summary = "\(report.imported) imported, \(failed) failed" + (batch.isDryRun ? ", dry run" : "")
            return report
        },
    ]
}
