import Foundation

extension ServerConfig {
    /// Who may use a service; nobody means that it does not exist.
    public enum Access: String, Sendable, CaseIterable { case users, administrators, off }

    /// Search for people (XEP-0055).
    public struct Search: Sendable, Equatable {
        public enum Domains: String, Sendable, CaseIterable { case own, all }

        public var access = Access.users
        public var domains = Domains.own
        /// People of one answer, 1 … 1,000.
        public var results: Int = 100

        public init() {}
    }

    /// Chat rooms (XEP-0045).
    public struct Rooms: Sendable, Equatable {
        public var isEnabled: Bool = true
        /// First label of the domain.
        public var subdomain: String = "rooms"
        /// Who makes rooms; off is nobody.
        public var create = Access.users
        /// Occupants of a room, 2 … 100,000.
        public var occupants: Int = 1_000
        /// Rooms of a domain, 1 … 1,000,000.
        public var rooms: Int = 16_500
        /// Of which may stay when nobody is in them, 0 … 1,000,000.
        public var persistentRooms: Int = 1_500
        /// Messages shown to who enters, 0 … 100.
        public var history: Int = 15

        public init() {}
    }

    /// Messages to many at once (XEP-0033).
    public struct Broadcast: Sendable, Equatable {
        public var access = Access.users
        /// Addresses of one stanza, 1 … 1,000.
        public var addresses: Int = 50
        /// Recipients of one stanza with the members of roster groups, 1 … 10,000.
        public var recipients: Int = 500
        /// Recipients of one user in a minute, 1 … 1,000,000; 0 is unlimited.
        public var perMinute: Int = 600

        public init() {}
    }

    /// Proxy of SOCKS5 bytestreams (XEP-0065); it runs when `listen.proxy65` is on.
    public struct Proxy65: Sendable, Equatable {
        /// What clients are told; empty for the domain.
        public var host: String = ""
        /// Streams at a time, 1 … 10,000.
        public var streams: Int = 200
        /// Streams of one user at a time, 1 … 1,000.
        public var streamsPerUser: Int = 10
        /// Of one direction of a stream, 10,000 … 1,000,000,000; 0 is unlimited.
        public var bytesPerSecond: Int = 0
        /// Of one stream, 100,000 … 1,000,000,000,000; 0 is unlimited.
        public var streamBytes: Int = 0
        /// From connecting to activation, 5 … 3,600.
        public var activationSeconds: Int = 60
        /// Without a byte, 5 … 86,400.
        public var idleSeconds: Int = 300

        public init() {}
    }

    /// Files that users upload (XEP-0363).
    public struct Files: Sendable, Equatable {
        public var isEnabled = true
        /// As written; see `filesFolder`.
        public var path = "files"
        /// Bytes of one file, 1 … 1,099,511,627,776.
        public var maxBytes: Int = 104_857_600
        /// Bytes of one user within 24 hours, 1 … 1,125,899,906,842,624; 0 is unlimited.
        public var dailyBytesPerUser: Int = 1_073_741_824
        /// Days that a file is kept, 1 … 36,500; 0 keeps it for ever.
        public var keepDays: Int = 0
        /// Seconds from the request for an upload to its begin, 1 … 3,600.
        public var slotSeconds: Int = 300

        public init() {}
    }

    /// Folder of the files: `files.path`, which begins in the folder of the database.
    public var filesFolder: String {
        let data = URL(fileURLWithPath: database).deletingLastPathComponent()
        return URL(fileURLWithPath: files.path, relativeTo: data).standardizedFileURL.path
    }
}
