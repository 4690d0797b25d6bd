import Testing
import XMPPWire

@testable import IMCore

@Suite("Enrolled certificates")
struct EnrolmentStoreTests {
    private func certificate(_ name: String, _ byte: UInt8, manages: Bool = true) -> EnrolledCertificate {
        EnrolledCertificate(name: name, fingerprint: [byte, byte], der: [48, byte], manages: manages)
    }

    private func add(_ certificate: EnrolledCertificate, of userID: Int64, _ bench: ArchiveBench) async throws
        -> String?
    {
        try await bench.database.write { transaction in
            do {
                try EnrolmentStore.add(certificate, of: userID, now: 1, in: transaction)
                return nil
            } catch let error as StanzaError {
                return error.condition.rawValue
            }
        }
    }

    @Test("a name and a certificate are there once for a user, and there is an end to them") func bounds() async throws
    {
        let bench = try await ArchiveBench()
        #expect(try await add(certificate("a", 1), of: bench.alice, bench) == nil)
        #expect(try await add(certificate("a", 2), of: bench.alice, bench) == "conflict")
        #expect(try await add(certificate("b", 1), of: bench.alice, bench) == "conflict")
        for number in 2...EnrolmentStore.capacity {
            #expect(try await add(certificate("n\(number)", UInt8(number)), of: bench.alice, bench) == nil)
        }
        #expect(try await add(certificate("z", 99), of: bench.alice, bench) == "resource-constraint")
        #expect(try await add(certificate("z", 99), of: bench.bob, bench) == nil)
    }

    @Test("the owners of a certificate are those who enrolled it, in their domain, until it or they are removed")
    func owners() async throws {
        let bench = try await ArchiveBench()
        _ = try await add(certificate("a", 1, manages: false), of: bench.alice, bench)
        _ = try await add(certificate("b", 1), of: bench.bob, bench)
        func owners(_ domain: String = "example.com") async throws -> [String] {
            try await bench.database.read {
                try EnrolmentStore.owners(of: [1, 1], domain: domain, in: $0).map { "\($0.jid) \($0.manages)" }.sorted()
            }
        }
        #expect(try await owners() == ["alice@example.com false", "bob@example.com true"])
        #expect(try await owners("example.org") == [])
        let alice = bench.alice
        let removed = try await bench.database.write { try EnrolmentStore.remove("a", of: alice, in: $0) }
        #expect(removed == [1, 1])
        #expect(try await bench.database.write { try EnrolmentStore.remove("a", of: alice, in: $0) } == nil)
        try await bench.remove("bob")
        #expect(try await owners() == [])
    }
}
