import ArgumentParser

/// Every verb of `roost` except `serve`, which the executable adds: it composes the server.
public enum CommandLineVerbs {
    /// In the order of `roost --help`.
    public static var all: [any ParsableCommand.Type] {
        [
            InitCommand.self, CheckCommand.self, UserCommand.self, UsersCommand.self, ContactsCommand.self,
            JobsCommand.self, SessionCommand.self, SIPCommand.self, PresenceCommand.self, SettingsCommand.self,
            ServiceCommand.self,
            StatusCommand.self, DoctorCommand.self, ExplainCommand.self, TraceCommand.self,
            AdministratorCommand.self, TokenCommand.self, AuditCommand.self,
            BenchCommand.self, VersionCommand.self, ReferenceCommand.self,
            VendorCommand.self,
        ]
    }
}
