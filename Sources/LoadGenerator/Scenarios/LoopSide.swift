import NIOCore

/// The side of a thread that tells something on an event loop what to do, and waits.
struct LoopSide<Value>: Sendable {
    let loop: any EventLoop
    let value: NIOLoopBound<Value>

    /// - Parameter make: makes the value on `loop`.
    init(_ loop: any EventLoop, _ make: @escaping @Sendable () throws -> Value) throws {
        self.loop = loop
        value = try loop.submit { NIOLoopBound(try make(), eventLoop: loop) }.wait()
    }

    /// Runs `body` on the event loop.
    func perform<Result: Sendable>(_ body: @escaping @Sendable (Value) throws -> Result) throws -> Result {
        try loop.submit { try body(value.value) }.wait()
    }

    /// Waits while the event loop works.
    func pause(_ seconds: Double) throws {
        guard seconds > 0 else { return }
        try loop.scheduleTask(in: .nanoseconds(Int64(seconds * 1_000_000_000))) {}.futureResult.wait()
    }

    /// Waits until `measure` has reached `target`, or has not moved for `patience` seconds.
    ///
    /// - Returns: what `measure` said last.
    @discardableResult
    func wait(for target: Int, patience: Double, _ measure: @escaping @Sendable (Value) -> Int) throws -> Int {
        var last = try perform(measure)
        var idle = 0.0
        while last < target, idle < patience {
            try pause(0.1)
            let current = try perform(measure)
            idle = current == last ? idle + 0.1 : 0
            last = current
        }
        return last
    }
}
