import Foundation
import Logging

extension AdminInterface {
    /// Performs an operation for a caller who may: roles, scopes and the audit are seen to here, whatever face the call
    /// came through.
    ///
    /// - Throws: `AdminError`; anything unforeseen is logged and becomes `internalError`.
    func perform(_ call: OperationCall) async throws -> any Encodable & Sendable {
        let operation = call.operation
        guard call.principal.mayPerform(operation) else {
            await refuse(call, "forbidden")
            throw AdminError(.forbidden, refusal(call))
        }
        do {
            let result = try await operation.run(call)
            if operation.changes, !call.note.isWritten {
                try await audit.write(AuditEntry(call, outcome: .done, now: now))
            }
            return result
        } catch let error as AdminError {
            if operation.changes { await refuse(call, error.condition.rawValue) }
            throw error
        } catch {
            logger.error(
                "admin operation failed",
                metadata: ["operation": "\(operation.name)", "request": "\(call.requestID)", "error": "\(error)"])
            if operation.changes { await refuse(call, "failed") }
            throw AdminError(.internalError, "\(operation.name) failed; the log of the server has more")
        }
    }

    private func refusal(_ call: OperationCall) -> String {
        let (principal, operation) = (call.principal, call.operation)
        if !operation.roles.contains(principal.role) {
            let roles = AdminRole.allCases.filter { operation.roles.contains($0) }.map(\.rawValue)
            return
                "\(operation.name) is for \(roles.joined(separator: ", ")): \(principal.name) is \(principal.role.rawValue)"
        }
        if operation.changes, principal.isReadOnly { return "\(principal.name) may only read" }
        return "\(principal.name) is limited to \(principal.scopes.joined(separator: ", "))"
    }

    /// Attempts that failed are told too; so many of them that nobody could read the rest are not.
    func refuse(_ call: OperationCall, _ reason: String) async {
        call.note.summary = reason
        await audit.refused(AuditEntry(call, outcome: .refused, now: now))
    }

    /// Performs an operation by name for the console and for tests, with typed values.
    ///
    /// - Parameters:
    ///   - parameters: of the path and the query.
    ///   - body: of the operation's body type.
    public func perform<Result>(
        _ name: String, _ parameters: [String: String] = [:], body: (any Sendable)? = nil,
        as context: AdminRequestContext, returning: Result.Type = Result.self
    ) async throws -> Result {
        guard let operation = table.operations.first(where: { $0.name == name }) else {
            throw AdminError(.notFound, "there is no operation \(name)")
        }
        guard let principal = context.principal else { throw AdminError(.unauthenticated, "sign in first") }
        let faults = operation.faults(of: parameters)
        guard faults.isEmpty else { throw AdminError(.invalid, "a parameter is not allowed", faults: faults) }
        let call = OperationCall(
            operation, admin: self, principal: principal, peer: context.peer, requestID: context.requestID,
            parameters: parameters, content: body.map { .value($0) } ?? .none)
        guard let result = try await perform(call) as? Result else {
            throw AdminError(.internalError, "\(name) does not answer with \(Result.self)")
        }
        return result
    }
}

extension AdminOperation {
    /// What is wrong with parameters, each pointed to by its name.
    func faults(of given: [String: String]) -> [SchemaFault] {
        var faults: [SchemaFault] = []
        for parameter in parameters {
            guard let text = given[parameter.name] else {
                if parameter.isRequired { faults.append(.init(pointer: parameter.name, detail: "is missing")) }
                continue
            }
            let value: JSONValue? =
                switch parameter.schema.kind {
                case .integer: Int(text).map { .integer($0) }
                case .boolean: ["true": true, "false": false][text].map { .bool($0) }
                default: .string(text)
                }
            let found = value.map { parameter.schema.faults(of: $0) }
            if found?.isEmpty != true {
                faults.append(.init(pointer: parameter.name, detail: "expected \(parameter.schema.expectation)"))
            }
        }
        for name in given.keys.sorted() where !parameters.contains(where: { $0.name == name }) {
            faults.append(.init(pointer: String(name.prefix(64)), detail: "is not known here"))
        }
        return faults
    }
}
