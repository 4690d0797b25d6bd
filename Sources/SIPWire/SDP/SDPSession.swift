/// A session description as far as message media need it (RFC 4566, RFC 4975 §8); everything else is passed over.
public struct SDPSession: Sendable {
    /// One `m=` line with what stands below it.
    public struct Media: Sendable {
        /// `message`, `audio`, `x-ms-message` …
        public let kind: SIPBytes
        public let port: UInt16
        /// `TCP/MSRP`, `TCP/TLS/MSRP`, `sip` …
        public let transport: SIPBytes
        public let formats: [SIPBytes]
        /// The address of the media's own `c=` line, else of the session's.
        public fileprivate(set) var address: SIPBytes?
        /// MSRP URIs of `a=path`, the nearest hop first.
        public fileprivate(set) var path: [MSRPURI] = []
        public fileprivate(set) var acceptTypes: [SIPBytes] = []
        public fileprivate(set) var acceptWrappedTypes: [SIPBytes] = []
        /// `a=setup` (RFC 6135): `active`, `passive`, `actpass`; nil is `active` for the offerer.
        public fileprivate(set) var setup: SIPBytes?
        public fileprivate(set) var maxSize: Int?
        /// `a=fingerprint` of the medium, else of the session: hash function and hash of the peer's certificate (RFC 8122 §5).
        public fileprivate(set) var fingerprint: SIPBytes?
        /// `sendonly`, `recvonly`, `inactive`; nil is `sendrecv`.
        public fileprivate(set) var direction: SIPBytes?

        /// Message media over MSRP.
        public var isMSRP: Bool {
            kind.matches("message") && (transport.matches("tcp/msrp") || transport.matches("tcp/tls/msrp"))
        }
        public var isMSRPOverTLS: Bool { transport.matches("tcp/tls/msrp") }
        /// The Microsoft form: `m=message 5060 sip null`, or the older `m=x-ms-message`.
        public var isMicrosoftForm: Bool {
            (kind.matches("message") && transport.matches("sip")) || kind.matches("x-ms-message")
        }
        public var isRefused: Bool { port == 0 }

        /// Whether the peer reads that type, by itself or through a wildcard; without a list everything.
        /// - Parameter name: `type/subtype` in lower case.
        public func accepts(_ name: StaticString) -> Bool {
            Self.lists(acceptTypes, name)
        }

        /// Whether the peer reads that type inside a CPIM message.
        public func acceptsWrapped(_ name: StaticString) -> Bool {
            accepts("message/cpim") && (Self.lists(acceptWrappedTypes, name) || Self.lists(acceptTypes, name))
        }

        private static func lists(_ types: [SIPBytes], _ name: StaticString) -> Bool {
            let wanted = SIPBytes(name)
            let slash = wanted.firstIndex(of: 0x2F) ?? wanted.count
            return types.contains { type in
                type.equals("*") || type.equals("*/*") || type.matches(name)
                    || (type.count == slash + 2 && type[type.count - 1] == 0x2A
                        && type.part(0, slash).matches(wanted.part(0, slash)))
            }
        }
    }

    /// `o=` as written.
    public private(set) var origin = SIPBytes.empty
    public private(set) var address: SIPBytes?
    public private(set) var media: [Media] = []
    private var fingerprint: SIPBytes?

    /// Bounds: 64 KiB, 500 lines, 16 media.
    /// - Returns: nil when it is no description, or beyond a bound.
    public init?(_ text: SIPBytes) {
        guard text.count <= 65_536 else { return nil }
        var lines = 0
        var index = 0
        var sawVersion = false
        while index < text.count {
            let end = text.firstIndex(of: 0x0A, from: index) ?? text.count
            var line = text.part(index, end)
            if line.count > 0, line[line.count - 1] == 0x0D { line = line.part(0, line.count - 1) }
            index = end + 1
            if line.isEmpty { continue }
            lines += 1
            guard lines <= 500, line.count >= 2, line[1] == 0x3D else { return nil }
            let value = line.part(2, line.count)
            if !sawVersion {
                guard line[0] == 0x76, value.equals("0") else { return nil }
                sawVersion = true
                continue
            }
            guard take(line[0], value) else { return nil }
        }
        guard sawVersion, !origin.isEmpty else { return nil }
        for index in media.indices {
            if media[index].address == nil { media[index].address = address }
            if media[index].fingerprint == nil { media[index].fingerprint = fingerprint }
        }
    }

    private mutating func take(_ type: UInt8, _ value: SIPBytes) -> Bool {
        switch type {
        case UInt8(ascii: "o"): origin = value
        case UInt8(ascii: "c"):
            let words = Self.words(value)
            guard words.count == 3 else { return false }
            let slash = words[2].firstIndex(of: 0x2F) ?? words[2].count
            if media.isEmpty {
                address = words[2].part(0, slash)
            } else {
                media[media.count - 1].address = words[2].part(0, slash)
            }
        case UInt8(ascii: "m"):
            guard media.count < 16 else { return false }
            let words = Self.words(value)
            guard words.count >= 3 else { return false }
            let slash = words[1].firstIndex(of: 0x2F) ?? words[1].count
            guard let port = words[1].part(0, slash).integer(UInt16.self) else { return false }
            media.append(Media(kind: words[0], port: port, transport: words[2], formats: Array(words.dropFirst(3))))
        case UInt8(ascii: "a"):
            if !media.isEmpty {
                attribute(value)
            } else if value.hasPrefix("fingerprint:") {
                fingerprint = value.part(12, value.count).trimmed
            }
        default: break
        }
        return true
    }

    private mutating func attribute(_ text: SIPBytes) {
        let colon = text.firstIndex(of: 0x3A) ?? text.count
        let name = text.part(0, colon)
        let value = text.part(colon + 1, text.count).trimmed
        let last = media.count - 1
        if name.matches("path") {
            media[last].path = Self.words(value).prefix(8).compactMap { MSRPURI($0) }
        } else if name.matches("accept-types") {
            media[last].acceptTypes = Array(Self.words(value).prefix(32))
        } else if name.matches("accept-wrapped-types") {
            media[last].acceptWrappedTypes = Array(Self.words(value).prefix(32))
        } else if name.matches("setup") {
            media[last].setup = value
        } else if name.matches("fingerprint") {
            media[last].fingerprint = value
        } else if name.matches("max-size") {
            media[last].maxSize = value.integer(Int.self)
        } else if name.matches("sendonly") || name.matches("recvonly") || name.matches("inactive") {
            media[last].direction = name
        }
    }

    private static func words(_ text: SIPBytes) -> [SIPBytes] {
        var words: [SIPBytes] = []
        var index = 0
        while index < text.count, words.count < 64 {
            while index < text.count, Lexical.isBlank(text[index]) { index += 1 }
            let from = index
            while index < text.count, !Lexical.isBlank(text[index]) { index += 1 }
            if index > from { words.append(text.part(from, index)) }
        }
        return words
    }
}
