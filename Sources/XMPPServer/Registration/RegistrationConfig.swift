/// Settings of in-band registration (XEP-0077).
public struct RegistrationConfig: Sendable {
    /// Strangers may create accounts.
    public var isOpen = false
    /// Users may change their password in band.
    public var allowsPasswordChange = true
    /// Users may remove their account in band.
    public var allowsRemoval = false
    /// Accounts that one address may create in an hour.
    public var accountsPerHour = 5
    /// Characters of the shortest password.
    public var passwordLength = 8
    /// What strangers are told.
    public var instructions = "Choose a user name and a password."
    /// Names that nobody gets.
    public var reserved: Set<String> = []

    public init() {}

    /// Why a prepared password is refused; nil when it is not.
    func problem(with password: String) -> String? {
        password.count < passwordLength ? "the password needs at least \(passwordLength) characters" : nil
    }
}
