/// What can be set about signing in; changed while the server runs.
public struct AccessSettings: Sendable, Equatable {
    /// Shown before sign-in; empty for none.
    public var banner = ""
    /// Minutes without a request after which a console session ends, 1 … 1,440.
    public var idleMinutes = 30
    /// Hours after which it ends whatever happens, 1 … 168.
    public var sessionHours = 12
    /// Failed sign-ins a minute from one address, and for one name, before it must wait.
    public var failuresPerAddress = 20
    public var failuresPerName = 5
    /// Characters of the shortest password of an administrator.
    public var passwordLength = 10
    var cost = PasswordHash.Cost()

    public init() {}
}
