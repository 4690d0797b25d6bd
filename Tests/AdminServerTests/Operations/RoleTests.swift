import Foundation
import Testing

@testable import AdminServer

/// Who may do what, written by hand: S superuser, A administrator, H help desk, U auditor.
private let expected: [String: String] = [
    "status": "SAHU", "whoami": "SAHU",
    "users.list": "SAHU", "users.get": "SAHU", "users.create": "SA", "users.update": "SA", "users.delete": "SA",
    "users.password": "SAH", "users.import": "SA",
    "sessions.list": "SAHU", "sessions.end": "SAH",
    "users.roster": "SAHU", "whoami.password": "SAHU",
    "users.validate": "SAHU", "contacts.import": "SA", "contacts.export": "SA", "contacts.rename": "SA",
    "jobs.list": "SAU", "jobs.get": "SAU", "jobs.problems": "SAU", "jobs.result": "SA", "jobs.cancel": "SA",
    "jobs.upload": "SA",
    "portable.export": "SA", "portable.import": "SA",
    "administrators.list": "SU", "administrators.get": "SU", "administrators.create": "S",
    "administrators.update": "S", "administrators.delete": "S",
    "tokens.list": "SU", "tokens.create": "S", "tokens.revoke": "S", "setup.code": "S",
    "audit.list": "SAU",
    "settings.list": "SAU", "settings.get": "SAU", "settings.set": "SA", "settings.reset": "SA",
    "settings.change": "SA", "settings.history": "SAU", "settings.diff": "SAU", "settings.rollback": "SA",
    "services.list": "SAHU", "services.control": "SA", "doctor.examine": "SAHU",
    "certificates.list": "SAU", "certificates.replace": "S",
    "metrics.list": "SAHU", "metrics.history": "SAHU", "health.get": "SAHU", "logs.list": "SAU",
    "explain.presence": "SAHU", "explain.message": "SAHU", "presence.show": "SAHU", "presence.set": "SAH",
    "sip.registrations": "SAHU", "sip.unregister": "SAH", "sip.subscriptions": "SAHU", "sip.publications": "SAHU",
    "sip.trunks": "SAHU", "sip.resolve": "SAHU", "sip.credentials": "SAHU",
    "presence.clear": "SAH", "traces.begin": "SA", "traces.events": "SA", "traces.end": "SA",
]

private let letters: [AdminRole: String] = [.superuser: "S", .administrator: "A", .helpDesk: "H", .auditor: "U"]

@Suite("Roles", .timeLimit(.minutes(1)))
struct RoleTests {
    @Test("the table names every operation")
    func complete() {
        #expect(Set(AdminOperations.all.map(\.name)) == Set(expected.keys))
        #expect(Set(AdminOperations.all.map(\.name)).count == AdminOperations.all.count)
    }

    @Test("every operation, tried with every role, is allowed or refused as the table says")
    func matrix() async throws {
        let fixture = try await AdminFixture()
        for operation in AdminOperations.all {
            for role in AdminRole.allCases {
                let principal = AdminPrincipal(name: "x", role: role, origin: .token("t"))
                let path = operation.path.replacing(/\{[^}]*\}/, with: "x@example.com")
                // The body is wrong on purpose: who is refused learns nothing of it, who is allowed does nothing.
                let body = operation.body == nil ? nil : "{\"unknown\": 1}"
                let answer = try await fixture.send(operation.method.rawValue, path, body, as: principal)
                let isAllowed = expected[operation.name]?.contains(letters[role] ?? "-") == true
                let isRefused = answer.status == 403 && operation.name != "setup.code"
                if operation.name == "setup.code" {
                    // Only the Unix socket tells it, whoever asks.
                    #expect(answer.status == 403)
                } else {
                    #expect(isRefused == !isAllowed, "\(operation.name) as \(role.rawValue): \(answer.status)")
                }
                #expect(isAllowed == principal.mayPerform(operation))
            }
            let stranger = try await fixture.send(
                operation.method.rawValue, operation.path.replacing(/\{[^}]*\}/, with: "x"), as: nil)
            #expect(stranger.status == 401 && stranger["WWW-Authenticate"] != nil, "\(operation.name)")
        }
    }

    @Test("auditors change nothing but their own password, whatever an operation says of itself")
    func auditors() {
        for operation in AdminOperations.all where operation.changes && operation.name != "whoami.password" {
            #expect(!operation.roles.contains(.auditor), "\(operation.name)")
        }
        for operation in AdminOperations.all where operation.method != .get { #expect(operation.changes) }
    }

    @Test("the help desk sets no password of somebody who administers")
    func helpDesk() async throws {
        let fixture = try await AdminFixture()
        try await fixture.backend.addUser(.init(jid: "boss@example.com", password: "p", isAdmin: true))
        try await fixture.backend.addUser(.init(jid: "bob@example.com", password: "p"))
        let desk = AdminPrincipal(name: "desk", role: .helpDesk, origin: .token("t"))
        let refused = try await fixture.send(
            "PUT", "/users/boss@example.com/password", #"{"password": "other"}"#, as: desk)
        #expect(refused.status == 403)
        #expect(
            try await fixture.send("PUT", "/users/bob@example.com/password", #"{"password": "other"}"#, as: desk).status
                == 204)
    }
}
