import Foundation
import Storage
import Synchronization

/// One call of an operation, its parameters checked and its caller allowed.
public struct OperationCall: Sendable {
    enum Body: Sendable {
        case none
        case json(Data)
        case value(any Sendable)
    }

    public let operation: AdminOperation
    public let admin: AdminInterface
    public let principal: AdminPrincipal
    /// Where the caller is: an IP address, or `local`.
    public let peer: String
    public let requestID: String
    /// What the audit will say of it.
    public let note: AuditNote
    let parameters: [String: String]
    let content: Body

    init(
        _ operation: AdminOperation, admin: AdminInterface, principal: AdminPrincipal, peer: String,
        requestID: String, parameters: [String: String], content: Body
    ) {
        self.operation = operation
        self.admin = admin
        self.principal = principal
        self.peer = peer
        self.requestID = requestID
        self.parameters = parameters
        self.content = content
        let target = operation.parameters.filter { $0.place == .path }.compactMap { parameters[$0.name] }
        note = AuditNote(target: target.joined(separator: " "))
    }

    public var backend: any AdminBackend { admin.backend }

    /// A parameter; nil when an optional one was left out.
    public subscript(_ name: String) -> String? { parameters[name] }

    /// A required parameter.
    public func text(_ name: String) throws -> String {
        guard let value = parameters[name] else { throw AdminError(.invalid, "\(name) is missing") }
        return value
    }

    public func integer(_ name: String) -> Int? { parameters[name].flatMap { Int($0) } }

    /// False when left out.
    public func flag(_ name: String) -> Bool { parameters[name] == "true" }

    /// `limit`, at most 1,000.
    public func limit(default standard: Int = 100) -> Int { min(integer("limit") ?? standard, 1_000) }

    func body<Body: Decodable>(as type: Body.Type) throws -> Body {
        switch content {
        case .value(let value as Body): return value
        case .json(let data):
            do {
                return try JSONDecoder().decode(Body.self, from: data)
            } catch let error as DecodingError {
                throw AdminError(.invalid, "the body is not as expected", faults: [error.fault])
            }
        default: throw AdminError(.invalid, "the body is missing")
        }
    }

    /// Writes the audit entry of this call in the transaction that makes the change; without this, it is written
    /// right after.
    public func audit(in transaction: any Transaction) throws {
        try admin.audit.write(AuditEntry(self, outcome: .done, now: admin.now), in: transaction)
        note.isWritten = true
    }
}

/// What an operation wants the audit to say: filled while it runs. Never holds a secret.
public final class AuditNote: Sendable {
    private struct Content {
        var target: String
        var before: String?
        var after: String?
        var summary: String?
        var isWritten = false
    }

    private let content: Mutex<Content>

    init(target: String) {
        content = Mutex(Content(target: target))
    }

    /// What it was done to; the parameters of the path when nothing else is said.
    public var target: String {
        get { content.withLock { $0.target } }
        set { content.withLock { $0.target = newValue } }
    }

    /// The value before a change.
    public var before: String? {
        get { content.withLock { $0.before } }
        set { content.withLock { $0.before = newValue } }
    }

    /// The value after a change.
    public var after: String? {
        get { content.withLock { $0.after } }
        set { content.withLock { $0.after = newValue } }
    }

    /// What was done, where `before` and `after` do not say it.
    public var summary: String? {
        get { content.withLock { $0.summary } }
        set { content.withLock { $0.summary = newValue } }
    }

    var isWritten: Bool {
        get { content.withLock { $0.isWritten } }
        set { content.withLock { $0.isWritten = newValue } }
    }
}

extension DecodingError {
    /// Where decoding failed, without the value that failed: it may be a password.
    var fault: SchemaFault {
        func pointer(_ keys: [any CodingKey]) -> String {
            keys.map { "/" + ($0.intValue.map(String.init) ?? $0.stringValue) }.joined()
        }
        return switch self {
        case .keyNotFound(let key, let context):
            SchemaFault(pointer: pointer(context.codingPath + [key]), detail: "is missing")
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            SchemaFault(pointer: pointer(context.codingPath), detail: "is not as expected")
        @unknown default: SchemaFault(pointer: "", detail: "is not as expected")
        }
    }
}
