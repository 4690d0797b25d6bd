// swift-tools-version: 6.1
import PackageDescription

// One table of targets, grouped by floor: a target imports only from lower floors (docs/ARCHITECTURE.md).

let nio = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioConcurrency = Target.Dependency.product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let http = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let webSocket = Target.Dependency.product(name: "NIOWebSocket", package: "swift-nio")
let posix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let tls = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let sqlite = Target.Dependency.product(name: "GRDBSQLite", package: "GRDB.swift")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let x509 = Target.Dependency.product(name: "X509", package: "swift-certificates")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let mustache = Target.Dependency.product(name: "Mustache", package: "swift-mustache")
let httpClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let collections = Target.Dependency.product(name: "DequeModule", package: "swift-collections")

let package = Package(
    name: "roost",
    platforms: [.macOS(.v15)],
    products: [.executable(name: "roost", targets: ["roost"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio.git", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", exact: "2.37.6"),
        .package(url: "https://github.com/apple/swift-crypto.git", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-certificates.git", exact: "1.21.1"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log.git", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-collections.git", exact: "1.6.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", exact: "2.13.0"),
        .package(
            url: "https://github.com/hummingbird-project/hummingbird.git", exact: "2.28.1", traits: ["FullFoundation"]),
        .package(url: "https://github.com/apple/swift-http-types.git", exact: "1.8.0", traits: []),
        .package(url: "https://github.com/hummingbird-project/swift-mustache.git", exact: "2.1.1"),
        .package(url: "https://github.com/swift-server/async-http-client.git", exact: "1.37.0"),
        .package(url: "https://github.com/groue/GRDB.swift.git", exact: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams.git", exact: "6.2.2"),
    ],
    targets: [
        // Floor 0: ground
        .target(name: "Ground", dependencies: [nio, nioConcurrency]),
        .target(name: "Settings", dependencies: ["Ground", yams]),
        // Floor 1: wire, pure codecs
        .target(name: "XMLWire", dependencies: [nio]),
        .target(
            name: "XMPPWire", dependencies: ["Ground", "XMLWire", nio, crypto, cryptoExtras, collections]),
        .target(name: "SIPWire", dependencies: ["Ground", nio, crypto]),
        .target(name: "PresenceWire", dependencies: ["Ground", "XMLWire", nio]),
        // Floor 2: substrate
        .target(
            name: "Transport",
            dependencies: ["Ground", nio, posix, http, webSocket, tls, nioTLS, log, x509, crypto]),
        // The resolver of the host's own C library knows no NAPTR and SRV records; c-ares does (RFC 3263).
        .systemLibrary(name: "CCares", providers: [.apt(["libc-ares-dev"])]),
        // Many datagrams in one call: Glibc's module shows no sendmmsg and recvmmsg.
        .target(name: "CDatagrams"),
        .target(name: "Resolving", dependencies: ["Ground", "CCares", nio, log]),
        .target(name: "Storage", dependencies: ["Ground", nio, posix]),
        .target(name: "StorageSQLite", dependencies: ["Storage", "Ground", grdb, sqlite, log]),
        // Bodies that SIP clients have compressed.
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        // Floor 3: core
        .target(
            name: "IMCore",
            dependencies: ["Ground", "XMLWire", "XMPPWire", "Storage", nio, log, collections, crypto]),
        .target(
            name: "Interworking",
            dependencies: ["CZlib", "Ground", "XMLWire", "XMPPWire", "SIPWire", "PresenceWire", "IMCore", nio]),
        // Floor 4: faces
        .target(
            name: "XMPPServer",
            dependencies: [
                "Ground", "XMLWire", "XMPPWire", "Transport", "Storage", "IMCore", nio, http, webSocket, log,
                collections,
                crypto,
            ]),
        .target(
            name: "SIPServer",
            dependencies: [
                "Ground", "XMLWire", "XMPPWire", "SIPWire", "PresenceWire", "Transport", "Resolving", "CDatagrams",
                "Storage", "IMCore", "Interworking", nio, posix, tls, http, log, collections, crypto,
            ]),
        .target(
            name: "AdminServer",
            dependencies: [
                "Ground", "Settings", "Transport", "Storage", hummingbird, hummingbirdCore, httpTypes, mustache, nio,
                posix, tls, crypto,
                cryptoExtras, log,
            ],
            resources: [.embedInCode("Resources")]),
        // Floor 5: capabilities
        .target(
            name: "WebChat", dependencies: ["Transport", nio, http, crypto],
            resources: [.embedInCode("Resources")]),
        // Floor 6: the executable and its verbs
        .target(name: "LoadGenerator", dependencies: ["Ground", nio, posix, tls, crypto, cryptoExtras, collections]),
        .target(
            name: "CommandLine",
            dependencies: [
                "Ground", "Settings", "XMLWire", "XMPPWire", "Transport", "Storage", "StorageSQLite", "IMCore",
                "AdminServer", "LoadGenerator", arguments, httpClient, http, tls, x509, crypto, log, nio, posix,
            ]),
        .executableTarget(
            name: "roost",
            dependencies: [
                "Ground", "Settings", "XMPPWire", "Transport", "Storage", "StorageSQLite", "IMCore", "XMPPServer",
                "SIPWire", "SIPServer", "AdminServer", "WebChat", "CommandLine", arguments, lifecycle, log, nio,
                nioConcurrency, posix,
                collections,
            ]),
        .testTarget(name: "GroundTests", dependencies: ["Ground"]),
        .testTarget(
            name: "IMCoreTests",
            dependencies: ["IMCore", "Ground", "Storage", "StorageSQLite", "XMLWire", "XMPPWire", nio, posix, log]),
        .testTarget(name: "XMLWireTests", dependencies: ["XMLWire", nio]),
        .testTarget(name: "XMPPWireTests", dependencies: ["XMPPWire", "XMLWire", nio, crypto]),
        .systemLibrary(name: "CExpat", providers: [.apt(["libexpat1-dev"])]),
        .testTarget(name: "XMLFuzzTests", dependencies: ["XMLWire", "CExpat", nio], exclude: ["Corpus"]),
        .testTarget(name: "TransportTests", dependencies: ["Transport", nio, posix, tls, nioTLS, log, x509, crypto]),
        .testTarget(name: "SIPWireTests", dependencies: ["SIPWire", "Ground", nio], resources: [.copy("Messages")]),
        .testTarget(name: "PresenceWireTests", dependencies: ["PresenceWire", "XMLWire", nio]),
        .testTarget(name: "ResolvingTests", dependencies: ["Resolving", "Ground", nio, posix, log]),
        .testTarget(
            name: "InterworkingTests",
            dependencies: ["Interworking", "IMCore", "SIPWire", "PresenceWire", "XMLWire", "XMPPWire", nio]),
        .testTarget(
            name: "SIPServerTests",
            dependencies: [
                "SIPServer", "SIPWire", "PresenceWire", "Interworking", "Transport", "Resolving", "Storage",
                "StorageSQLite", "IMCore", "Ground", "XMLWire", "XMPPWire", nio, nioConcurrency, posix, http, tls, log,
                crypto, collections,
            ]),
        .testTarget(name: "SettingsTests", dependencies: ["Settings"]),
        .testTarget(
            name: "XMPPServerTests",
            dependencies: ["XMPPServer", "Transport", "Storage", "XMLWire", "XMPPWire", "IMCore", nio, http, log]),
        .testTarget(name: "WebChatTests", dependencies: ["WebChat", "Transport", nio, http]),
        .testTarget(
            name: "AdminServerTests",
            dependencies: [
                "AdminServer", "Ground", "Settings", "Storage", "StorageSQLite", hummingbird, hummingbirdCore,
                httpTypes, mustache,
                httpClient,
                nio, posix, log, tls,
            ]),
        .testTarget(name: "LoadGeneratorTests", dependencies: ["LoadGenerator", nio, posix, crypto, cryptoExtras]),
        .testTarget(
            name: "CommandLineTests",
            dependencies: [
                "CommandLine", "AdminServer", "Ground", "Settings", "Storage", "StorageSQLite", "IMCore", "XMPPWire",
                arguments, nio, posix, log, x509, crypto,
            ]),
        .testTarget(
            name: "ScenarioTests",
            dependencies: [
                "Ground", "XMLWire", "XMPPWire", "Transport", "Storage", "StorageSQLite", "IMCore", "XMPPServer",
                "SIPServer", "SIPWire", "Resolving", nio, nioConcurrency, posix, log, crypto, cryptoExtras, x509,
            ],
            exclude: ["scenes", "README.md"]),
    ],
    swiftLanguageModes: [.v6]
)
