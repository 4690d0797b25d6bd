/// A refusal with a text for the administrator.
public struct AdminError: Error, Codable, Sendable, Equatable {
    public enum Condition: String, Codable, Sendable, CaseIterable {
        case badRequest, unauthenticated, forbidden, notFound, methodNotAllowed, conflict, preconditionFailed
        case tooLarge, unsupportedMediaType, invalid, tooManyRequests, internalError, unavailable
    }

    public var condition: Condition
    public var text: String
    /// What is wrong with single fields.
    public var faults: [SchemaFault]
    /// Seconds to wait before another try.
    public var retrySeconds: Int?

    public init(_ condition: Condition, _ text: String, faults: [SchemaFault] = [], retrySeconds: Int? = nil) {
        self.condition = condition
        self.text = text
        self.faults = faults
        self.retrySeconds = retrySeconds
    }

    /// The text with what is said of single fields, on one line.
    public var explanation: String {
        guard !faults.isEmpty else { return text }
        return text + ": "
            + faults.map { "\($0.pointer.isEmpty ? "it" : $0.pointer) \($0.detail)" }.joined(separator: "; ")
    }
}
