import Foundation
import SIPServer
import Testing
import XMPPServer

@Suite("Protocol reference")
struct ProtocolReferenceTests {
    @Test("docs/PROTOCOLS.md is the page that the features and the SIP face give; `make docs` writes it again")
    func isFresh() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..")
        let page = try String(contentsOf: root.appendingPathComponent("docs/PROTOCOLS.md"), encoding: .utf8)
        #expect(page == ProtocolReference.markdown() + SIPStandards.markdown())
    }
}
