import Testing
import XMPPWire

@testable import IMCore

@Suite("Failures of push services")
struct PushRegistrationTests {
    private func registration() -> PushRegistration {
        PushRegistration(
            PushRecord(
                service: JID(preparedLocal: nil, domain: "push.example.com", resource: nil), node: "n", resource: "r",
                options: nil))
    }

    @Test("an error that stays disables at once", arguments: ["item-not-found", "gone", "forbidden", "bad-request"])
    func final(condition: String) {
        #expect(registration().failed(condition, interval: 5_000, uptime: 0))
    }

    @Test(
        "a passing one is tried again after growing pauses of up to an hour, twenty times in a row",
        arguments: ["remote-server-timeout", "resource-constraint", "made-up", nil])
    func passing(condition: String?) {
        let registration = registration()
        var pauses: [Int64] = []
        for _ in 1..<PushRegistration.failureLimit {
            #expect(!registration.failed(condition, interval: 5_000, uptime: 1_000))
            pauses.append(registration.notBefore - 1_000)
        }
        #expect(pauses[0] == 10_000 && pauses[1] == 20_000 && pauses.last == 3_600_000)
        #expect(registration.failed(condition, interval: 5_000, uptime: 1_000))
    }

    @Test("the longest interval does not overflow")
    func longest() {
        let registration = registration()
        for _ in 1..<PushRegistration.failureLimit {
            _ = registration.failed(nil, interval: 3_600_000, uptime: 0)
            #expect(registration.notBefore == 3_600_000)
        }
    }
}
