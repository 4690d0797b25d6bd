import XMLWire

/// Who watches somebody (RFC 3858, `application/watcherinfo+xml`).
public struct WatcherInfo: Sendable, Equatable {
    public static let namespace = "urn:ietf:params:xml:ns:watcherinfo"
    public static let mediaType = "application/watcherinfo+xml"

    public enum Status: String, Sendable { case pending, active, waiting, terminated }

    /// What led to the status (RFC 3857 §4.7.1).
    public enum Cause: String, Sendable {
        case subscribe, approved, deactivated, probation, rejected, timeout, giveup, noresource
    }

    public struct Watcher: Sendable, Equatable {
        public var id: String
        public var uri: String
        /// Empty for none.
        public var displayName = ""
        public var status: Status
        public var cause: Cause
        /// Seconds left; nil where it does not run out.
        public var expiration: Int?
        /// Seconds since it began.
        public var subscribedFor: Int?

        public init(id: String, uri: String, status: Status, cause: Cause) {
            self.id = id
            self.uri = uri
            self.status = status
            self.cause = cause
        }
    }

    /// One resource and package.
    public struct List: Sendable, Equatable {
        public var resource: String
        public var package: String
        public var watchers: [Watcher]

        public init(resource: String, package: String, watchers: [Watcher]) {
            self.resource = resource
            self.package = package
            self.watchers = watchers
        }
    }

    /// Counts the documents of one subscription from 0.
    public var version: Int
    /// False for one that tells changes only.
    public var isFull: Bool
    public var lists: [List]

    public init(version: Int, isFull: Bool, lists: [List]) {
        self.version = version
        self.isFull = isFull
        self.lists = lists
    }

    public init(parsing body: some Sequence<UInt8>, limits: DocumentLimits = .standard) throws(DocumentFault) {
        let root = try XMLDocument.parse(body, limits: limits)
        guard root.name == "watcherinfo", root.namespace == Self.namespace, let version = root.integer("version"),
            version >= 0
        else { throw .malformed("not a watcherinfo document") }
        self.init(version: version, isFull: root["state"] == "full", lists: [])
        for child in root.elements where child.name == "watcher-list" && child.namespace == Self.namespace {
            var watchers: [Watcher] = []
            for item in child.elements where item.name == "watcher" {
                guard let id = item["id"], let status = item["status"].flatMap(Status.init(rawValue:)),
                    let cause = item["event"].flatMap(Cause.init(rawValue:))
                else { throw .malformed("a watcher without id, status or event") }
                var watcher = Watcher(id: id, uri: item.value, status: status, cause: cause)
                watcher.displayName = item["display-name"] ?? ""
                watcher.expiration = item.integer("expiration")
                watcher.subscribedFor = item.integer("duration-subscribed")
                watchers.append(watcher)
            }
            lists.append(List(resource: child["resource"] ?? "", package: child["package"] ?? "", watchers: watchers))
        }
    }

    public var bytes: [UInt8] {
        var writer = DocumentWriter()
        writer.raw("<watcherinfo xmlns=\"urn:ietf:params:xml:ns:watcherinfo\"")
        writer.attribute("version", version)
        writer.raw(isFull ? " state=\"full\">" : " state=\"partial\">")
        for list in lists {
            writer.raw("<watcher-list")
            writer.attribute("resource", list.resource)
            writer.attribute("package", list.package)
            writer.raw(">")
            for watcher in list.watchers {
                writer.raw("<watcher")
                writer.attribute("id", watcher.id)
                writer.attribute("status", watcher.status.rawValue)
                writer.attribute("event", watcher.cause.rawValue)
                if !watcher.displayName.isEmpty { writer.attribute("display-name", watcher.displayName) }
                if let seconds = watcher.expiration { writer.attribute("expiration", seconds) }
                if let seconds = watcher.subscribedFor { writer.attribute("duration-subscribed", seconds) }
                writer.raw(">")
                writer.text(watcher.uri)
                writer.raw("</watcher>")
            }
            writer.raw("</watcher-list>")
        }
        writer.raw("</watcherinfo>\n")
        return writer.bytes
    }
}
