import Foundation
import Storage
import StorageSQLite
import Testing
import XMPPWire

@testable import IMCore

@Suite("Token store")
struct FastTokenStoreTests {
    private static let anna = JID(preparedLocal: "anna", domain: "localhost", resource: nil)

    private static func token(_ text: String, ends: Int64 = 1_000) -> FastToken {
        FastToken(
            slot: .new, mechanism: "HT-SHA-256-NONE", verifier: HashedTokenVerifier(token: text, binding: []),
            issuedAt: 0, expiresAt: ends)
    }

    @Test("a new token does not void the current one until it is used")
    func rotation() async throws {
        try await inDatabaseOf(Self.anna) { _, transaction in
            let (one, two) = (Self.token("one"), Self.token("two"))
            try FastTokenStore.store(one, of: Self.anna, client: "phone", in: transaction)
            #expect(try FastTokenStore.use(one, count: nil, of: Self.anna, client: "phone", in: transaction))
            try FastTokenStore.store(two, of: Self.anna, client: "phone", in: transaction)
            #expect(try FastTokenStore.use(one, count: nil, of: Self.anna, client: "phone", in: transaction))
            let both = try FastTokenStore.tokens(of: Self.anna, client: "phone", in: transaction)
            #expect(both.map(\.slot) == [.new, .current])
            #expect(try FastTokenStore.use(two, count: nil, of: Self.anna, client: "phone", in: transaction))
            let left = try FastTokenStore.tokens(of: Self.anna, client: "phone", in: transaction)
            #expect(left.map(\.verifier) == [two.verifier])
            #expect(left.map(\.slot) == [.current])
            #expect(try !FastTokenStore.use(one, count: nil, of: Self.anna, client: "phone", in: transaction))
        }
    }

    @Test("a token given out and never used is replaced by the next")
    func unused() async throws {
        try await inDatabaseOf(Self.anna) { _, transaction in
            try FastTokenStore.store(Self.token("one"), of: Self.anna, client: "phone", in: transaction)
            try FastTokenStore.store(Self.token("two"), of: Self.anna, client: "phone", in: transaction)
            let left = try FastTokenStore.tokens(of: Self.anna, client: "phone", in: transaction)
            #expect(left.map(\.verifier) == [Self.token("two").verifier])
        }
    }

    @Test("a count is taken once and only rises")
    func counts() async throws {
        try await inDatabaseOf(Self.anna) { _, transaction in
            let token = Self.token("one")
            try FastTokenStore.store(token, of: Self.anna, client: "phone", in: transaction)
            func use(_ count: Int64?) throws -> Bool {
                try FastTokenStore.use(token, count: count, of: Self.anna, client: "phone", in: transaction)
            }
            #expect(try use(3))
            #expect(try !use(3))
            #expect(try !use(2))
            #expect(try use(nil))
            #expect(try use(4))
        }
    }

    @Test("a new password voids the tokens of every client")
    func passwordChange() async throws {
        try await inDatabaseOf(Self.anna) { _, transaction in
            for client in ["phone", "desk"] {
                try FastTokenStore.store(Self.token(client), of: Self.anna, client: client, in: transaction)
            }
            let credentials = Credentials(preparedPassword: "y", of: Self.anna, iterations: 4_096, salt: [2])
            #expect(try AccountStore.setCredentials(credentials, of: Self.anna, in: transaction))
            for client in ["phone", "desk"] {
                #expect(
                    try FastTokenStore.tokens(of: Self.anna, client: client, in: transaction).map(\.expiresAt) == [0])
                let token = Self.token(client)
                #expect(
                    try !FastTokenStore.use(token, count: nil, of: Self.anna, client: client, in: transaction))
            }
        }
    }

    @Test("a void token gives way to the next one")
    func afterVoid() async throws {
        try await inDatabaseOf(Self.anna) { _, transaction in
            let (one, two) = (Self.token("one"), Self.token("two"))
            try FastTokenStore.store(one, of: Self.anna, client: "phone", in: transaction)
            #expect(try FastTokenStore.use(one, count: nil, of: Self.anna, client: "phone", in: transaction))
            try FastTokenStore.void(of: Self.anna, client: "phone", in: transaction)
            try FastTokenStore.store(two, of: Self.anna, client: "phone", in: transaction)
            #expect(try FastTokenStore.use(two, count: nil, of: Self.anna, client: "phone", in: transaction))
            let left = try FastTokenStore.tokens(of: Self.anna, client: "phone", in: transaction)
            #expect(left.map(\.verifier) == [two.verifier])
        }
    }

    @Test("clients are bounded; the one whose token ends first goes")
    func bound() async throws {
        try await inDatabaseOf(Self.anna) { _, transaction in
            for number in 0...FastTokenStore.clientsPerUser {
                try FastTokenStore.store(
                    Self.token("\(number)", ends: Int64(number)), of: Self.anna, client: "c\(number)", in: transaction)
            }
            #expect(try FastTokenStore.tokens(of: Self.anna, client: "c0", in: transaction).isEmpty)
            #expect(try FastTokenStore.tokens(of: Self.anna, client: "c1", in: transaction).count == 1)
        }
    }

    @Test("nobody's tokens are nobody's")
    func strangers() async throws {
        try await inDatabaseOf(Self.anna) { _, transaction in
            let otto = JID(preparedLocal: "otto", domain: "localhost", resource: nil)
            try FastTokenStore.store(Self.token("one"), of: otto, client: "phone", in: transaction)
            #expect(try FastTokenStore.tokens(of: otto, client: "phone", in: transaction).isEmpty)
            #expect(try !FastTokenStore.use(Self.token("one"), count: nil, of: otto, client: "phone", in: transaction))
        }
    }
}
