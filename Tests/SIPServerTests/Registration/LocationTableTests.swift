import Ground
import SIPWire
import Testing
import XMPPWire

@testable import SIPServer

@Suite("Location table")
struct LocationTableTests {
    private static let address = Array("anna@example.com".utf8)

    private static func terms(_ contact: String, q: Int = 1_000, until: Int64) -> Binding.Terms {
        var terms = Binding.Terms(contact: SIPBytes(contact))
        terms.q = q
        terms.expires = until
        return terms
    }

    @Test("contacts stand by falling preference, the newest first among equals")
    func order() {
        let time = ManualTime()
        let table = LocationTable(time: time)
        let user = table.record(of: Self.address)
        for (id, q) in [(1, 500), (2, 1_000), (3, 500), (4, 100)] {
            let terms = Self.terms("sip:\(id)", q: q, until: time.uptime + 60_000)
            table.put(Binding(id: Int64(id), terms), in: user, .created, isChanged: true)
        }
        #expect(table.bindings(of: Self.address).map(\.id) == [2, 3, 1, 4])
        #expect(table.count == 4)
    }

    @Test("what is not refreshed ends, and the user is told of once", arguments: [60, 3_600, 86_400])
    func expiry(seconds: Int64) {
        let time = ManualTime()
        let table = LocationTable(time: time)
        var events: [BindingEvent] = []
        var told: [JID] = []
        table.whenBindingChanged.append { _, _, event in events.append(event) }
        table.whenChanged.append { told.append($0) }
        let user = table.record(of: Self.address)
        let binding = Binding(id: 1, Self.terms("sip:1", until: time.uptime + seconds * 1_000))
        table.put(binding, in: user, .created, isChanged: true)
        let other = Binding(id: 2, Self.terms("sip:2", until: time.uptime + 2 * seconds * 1_000))
        table.put(other, in: user, .created, isChanged: true)
        var passed: Int64 = 0
        func pass(to second: Int64) {
            while passed < second {
                time.advance(milliseconds: min(1_000, (second - passed) * 1_000))
                passed += 1
                table.tick()
            }
        }
        pass(to: seconds - 1)
        #expect(table.bindings(of: Self.address).count == 2)
        pass(to: seconds + 2)
        #expect(table.bindings(of: Self.address).map(\.id) == [2])
        #expect(binding.isGone && told == [JID(preparedLocal: "anna", domain: "example.com", resource: nil)])
        pass(to: 2 * seconds + 3)
        #expect(table.count == 0 && table.recordCount == 0)
        #expect(events == [.created, .created, .expired, .expired])
    }

    @Test("a refresh keeps a contact, and a clock that slept long ends everything at once")
    func refreshed() {
        let time = ManualTime()
        let table = LocationTable(time: time)
        let user = table.record(of: Self.address)
        let binding = Binding(id: 1, Self.terms("sip:1", until: time.uptime + 60_000))
        table.put(binding, in: user, .created, isChanged: true)
        for _ in 0..<10 {
            time.advance(milliseconds: 30_000)
            binding.refresh(Self.terms("sip:1", until: time.uptime + 60_000))
            table.put(binding, in: user, .refreshed, isChanged: false)
            table.tick()
        }
        #expect(table.count == 1)
        time.advance(milliseconds: 100_000_000)
        table.tick()
        #expect(table.count == 0 && table.recordCount == 0)
    }

    @Test("clients that come and go leave nothing behind")
    func churn() {
        let time = ManualTime()
        let table = LocationTable(time: time)
        for id in 0..<10_000 {
            let user = table.record(of: Self.address)
            let binding = Binding(id: Int64(id), Self.terms("sip:1", until: time.uptime + 3_600_000))
            table.put(binding, in: user, .created, isChanged: true)
            table.remove(binding, from: user, .unregistered)
        }
        #expect(table.userCount == 0 && table.recordCount == 1 && table.planned == 1)
    }

    @Test(
        "dates are as RFC 3261 writes them",
        arguments: [
            (1_289_690_940, "Sat, 13 Nov 2010 23:29:00 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (1_709_210_096, "Thu, 29 Feb 2024 12:34:56 GMT"),
        ])
    func dates(seconds: Int64, text: String) {
        #expect(String(decoding: SIPDate.text(seconds), as: UTF8.self) == text)
    }
}
