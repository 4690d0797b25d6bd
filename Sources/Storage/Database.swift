/// What an open transaction can do. Valid only inside the closure that received it.
public protocol Transaction {
    /// Runs one statement and returns how many rows it changed.
    @discardableResult
    func execute(_ sql: String, _ arguments: [SQLValue]) throws -> Int
    func query(_ sql: String, _ arguments: [SQLValue]) throws -> [Row]
    /// Runs `body`; if it throws, what it changed is undone and the transaction goes on.
    func savepoint(_ body: () throws -> Void) throws
}

/// A SQL engine with one writer and readers that do not wait for it.
///
/// Closures are transactions; they run on the engine's own threads, in the order given. Completions run
/// there too: the caller hops to where its state lives.
public protocol Database: Sendable {
    func write(
        _ body: @escaping @Sendable (any Transaction) throws -> Void,
        completion: @escaping @Sendable ((any Error)?) -> Void)
    func read(
        _ body: @escaping @Sendable (any Transaction) throws -> Void,
        completion: @escaping @Sendable ((any Error)?) -> Void)
    /// Finishes what was given and closes; nothing may be given afterwards.
    func close() throws
}

extension Database {
    public func write<Value: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> Value
    ) async throws -> Value {
        try await run(body, on: write)
    }

    public func read<Value: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> Value
    ) async throws -> Value {
        try await run(body, on: read)
    }

    private func run<Value: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> Value,
        on queue: (
            @escaping @Sendable (any Transaction) throws -> Void, @escaping @Sendable ((any Error)?) -> Void
        ) -> Void
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let outcome = Outcome<Value>()
            queue(
                { transaction in outcome.value = try body(transaction) },
                { error in
                    if let error {
                        continuation.resume(throwing: error)
                    } else if let value = outcome.value {
                        continuation.resume(returning: value)
                    } else {
                        continuation.resume(throwing: StorageFailure("the transaction returned nothing"))
                    }
                })
        }
    }
}

/// Carries a value from a transaction to its completion, which runs after it on the same queue.
public final class Outcome<Value>: @unchecked Sendable {
    // Safe: written inside the transaction, read in its completion; the engine orders the two.
    public var value: Value?
    public init() {}
}

public struct StorageFailure: Error, Sendable, CustomStringConvertible {
    public let description: String
    /// The engine could not do it now (full or failing disk, lock): the same may succeed later.
    public let isTransient: Bool

    public init(_ description: String, isTransient: Bool = false) {
        self.description = description
        self.isTransient = isTransient
    }
}
