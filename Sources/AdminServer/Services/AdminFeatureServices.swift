/// Feature services of the running server: what administrators know as Control Center – Feature Services.
public protocol AdminFeatureServices: Sendable {
    func services() async throws -> [AdminService]
    /// Starts, stops or restarts a service, by its name or one of the names it has elsewhere. What it stops with is a
    /// setting, so that it is recorded and stays over a restart of the server.
    ///
    /// - Throws: `AdminError`: `notFound`, or `invalid` when the service cannot be stopped.
    func control(_ name: String, _ action: AdminServiceAction, by author: AdminAuthor) async throws -> AdminService
}

public enum AdminServiceAction: String, Codable, Sendable, CaseIterable { case start, stop, restart }

public struct AdminService: Codable, Sendable, Equatable {
    public enum State: String, Codable, Sendable, CaseIterable { case running, stopped }

    /// `rooms`
    public var name: String
    /// English.
    public var title: String
    public var summary: String
    /// Names of services that do the same in other products.
    public var aliases: [String]
    public var state: State
    /// What is happening in it, for example `12 rooms, 40 occupants`.
    public var detail: String
    /// Features that end with it.
    public var features: [String]
    /// The setting that it starts and stops with; nil when it cannot be stopped.
    public var setting: String?

    public init(
        name: String, title: String, summary: String, aliases: [String], state: State, detail: String,
        features: [String], setting: String?
    ) {
        self.name = name
        self.title = title
        self.summary = summary
        self.aliases = aliases
        self.state = state
        self.detail = detail
        self.features = features
        self.setting = setting
    }
}
