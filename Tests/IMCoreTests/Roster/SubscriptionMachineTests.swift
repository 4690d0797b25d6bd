import Testing

@testable import IMCore

/// State names of RFC 6121 Appendix A, with the bits they are stored as.
private let states: [(String, Int64)] = [
    ("None", 0), ("None + Pending Out", 4), ("None + Pending In", 8), ("None + Pending Out+In", 12),
    ("To", 1), ("To + Pending In", 9), ("From", 2), ("From + Pending Out", 6), ("Both", 3),
]

private func bits(_ name: String) -> Int64 { states.first { $0.0 == name }?.1 ?? -1 }

@Suite("Subscription machine (RFC 6121 Appendix A)")
struct SubscriptionMachineTests {
    typealias Row = (from: String, passes: Bool, to: String)

    @Test(
        "A.2.1 outbound subscribe",
        arguments: [
            ("None", true, "None + Pending Out"), ("None + Pending Out", true, "None + Pending Out"),
            ("None + Pending In", true, "None + Pending Out+In"), ("To", true, "To"),
            ("From", true, "From + Pending Out"), ("Both", true, "Both"),
        ] as [Row])
    func sentSubscribe(_ row: Row) { check(row) { $0.sent(.subscribe) } }

    @Test(
        "A.2.2 outbound unsubscribe",
        arguments: [
            ("None", true, "None"), ("None + Pending Out", true, "None"),
            ("None + Pending Out+In", true, "None + Pending In"), ("To", true, "None"),
            ("To + Pending In", true, "None + Pending In"), ("From + Pending Out", true, "From"),
            ("Both", true, "From"),
        ] as [Row])
    func sentUnsubscribe(_ row: Row) { check(row) { $0.sent(.unsubscribe) } }

    @Test(
        "A.2.3 outbound subscribed",
        arguments: [
            ("None + Pending In", true, "From"), ("None + Pending Out+In", true, "From + Pending Out"),
            ("To + Pending In", true, "Both"), ("From", false, "From"), ("Both", false, "Both"),
        ] as [Row])
    func sentSubscribed(_ row: Row) { check(row) { $0.sent(.subscribed) } }

    @Test(
        "A.2.4 outbound unsubscribed",
        arguments: [
            ("None", false, "None"), ("None + Pending In", true, "None"),
            ("None + Pending Out+In", true, "None + Pending Out"), ("To + Pending In", true, "To"),
            ("From", true, "None"), ("From + Pending Out", true, "None + Pending Out"), ("Both", true, "To"),
        ] as [Row])
    func sentUnsubscribed(_ row: Row) { check(row) { $0.sent(.unsubscribed) } }

    @Test(
        "A.3.1 inbound subscribe",
        arguments: [
            ("None", true, "None + Pending In"), ("None + Pending Out", true, "None + Pending Out+In"),
            ("None + Pending In", false, "None + Pending In"), ("To", true, "To + Pending In"),
            ("From", false, "From"), ("Both", false, "Both"),
        ] as [Row])
    func receivedSubscribe(_ row: Row) { check(row) { $0.received(.subscribe) } }

    @Test(
        "A.3.2 inbound unsubscribe",
        arguments: [
            ("None", false, "None"), ("None + Pending In", true, "None"), ("To + Pending In", true, "To"),
            ("From", true, "None"), ("From + Pending Out", true, "None + Pending Out"), ("Both", true, "To"),
        ] as [Row])
    func receivedUnsubscribe(_ row: Row) { check(row) { $0.received(.unsubscribe) } }

    @Test(
        "A.3.3 inbound subscribed",
        arguments: [
            ("None", false, "None"), ("None + Pending Out", true, "To"),
            ("None + Pending Out+In", true, "To + Pending In"), ("To", false, "To"),
            ("From + Pending Out", true, "Both"), ("Both", false, "Both"),
        ] as [Row])
    func receivedSubscribed(_ row: Row) { check(row) { $0.received(.subscribed) } }

    @Test(
        "A.3.4 inbound unsubscribed",
        arguments: [
            ("None", false, "None"), ("None + Pending Out", true, "None"),
            ("None + Pending Out+In", true, "None + Pending In"), ("To", true, "None"),
            ("From + Pending Out", true, "From"), ("Both", true, "From"),
        ] as [Row])
    func receivedUnsubscribed(_ row: Row) { check(row) { $0.received(.unsubscribed) } }

    private func check(_ row: Row, _ act: (inout SubscriptionMachine) -> SubscriptionMachine.Outcome) {
        var machine = SubscriptionMachine(stored: bits(row.from))
        let outcome = act(&machine)
        #expect(machine.storedBits == bits(row.to), "\(row.from)")
        #expect(outcome.passesOn == row.passes, "\(row.from)")
    }

    @Test("a contact that already may see the user is answered for the user") func autoReply() {
        var machine = SubscriptionMachine(stored: bits("From"))
        #expect(machine.received(.subscribe).reply == .subscribed)
    }

    @Test("§3.4: an approval given beforehand answers the request when it comes, once") func preApproval() {
        var machine = SubscriptionMachine()
        let given = machine.sent(.subscribed)
        #expect(!given.passesOn && given.pushes && machine.approved)
        let asked = machine.received(.subscribe)
        #expect(asked.reply == .subscribed && asked.startsSharing && asked.pushes && !asked.passesOn)
        #expect(machine.from && !machine.approved)
    }

    @Test("§3.4: an approval can be taken back before it is used") func cancelledApproval() {
        var machine = SubscriptionMachine()
        _ = machine.sent(.subscribed)
        #expect(machine.sent(.unsubscribed).pushes)
        #expect(machine.isEmpty)
    }

    @Test("presence begins and ends with the subscription") func sharing() {
        var machine = SubscriptionMachine(stored: bits("None + Pending In"))
        #expect(machine.sent(.subscribed).startsSharing)
        #expect(machine.sent(.unsubscribed).stopsSharing)
        var other = SubscriptionMachine(stored: bits("Both"))
        #expect(other.received(.unsubscribe).stopsSharing)
    }

    @Test("what is stored comes back", arguments: 0..<32) func storage(_ bits: Int) {
        #expect(SubscriptionMachine(stored: Int64(bits)).storedBits == Int64(bits))
    }
}
