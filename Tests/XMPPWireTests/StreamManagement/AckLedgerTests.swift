import Testing
import XMPPWire

@Suite("Ack ledger (XEP-0198 §4)")
struct AckLedgerTests {
    @Test("h covers only an unbroken run of safe stanzas") func order() {
        var ledger = AckLedger()
        let first = ledger.open()
        let second = ledger.open()
        ledger.openHandled()
        #expect(ledger.h == 0)
        ledger.complete(second)
        #expect(ledger.h == 0)
        ledger.complete(first)
        #expect(ledger.h == 3)
        #expect(ledger.outstanding == 0)
    }

    @Test("a stanza that needs nothing counts at once when none is open") func immediate() {
        var ledger = AckLedger()
        ledger.openHandled()
        #expect(ledger.h == 1)
    }

    @Test("completing twice, or what was never opened, changes nothing") func repeated() {
        var ledger = AckLedger()
        let number = ledger.open()
        ledger.complete(number)
        ledger.complete(number)
        ledger.complete(99)
        #expect(ledger.h == 1)
        #expect(ledger.opened == 1)
    }
}
