/// Ends a command with exit status 1 and one sentence on standard error.
struct CommandFailure: Error, Equatable, CustomStringConvertible {
    var description: String

    init(_ description: String) {
        self.description = description
    }
}
