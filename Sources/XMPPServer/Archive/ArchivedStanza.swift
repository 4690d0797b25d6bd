import Ground
import IMCore
import XMPPWire

/// An archived message as a result of a query (XEP-0313 §4.2), made by splicing bytes.
enum ArchivedStanza {
    static func result(
        _ message: ArchivePage.Message, name: [UInt8], attributes: String, archive: [UInt8], to: [UInt8]
    ) -> [UInt8] {
        // The archive's own id in place of the recipient's: the stanza is stored once for both.
        let stanza = StanzaStamp.identified(StanzaStamp.withoutStanzaID(message.stanza), name, by: archive)
        var result = Array("<message from='".utf8)
        result.reserveCapacity(stanza.count + 384)
        result += XMLText.escaped(archive)
        result += Array("' to='".utf8)
        result += XMLText.escaped(to)
        result += Array("'><result xmlns='\(ArchiveProtocol.namespace)'\(attributes) id='".utf8)
        result += name
        result += Array("'><forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='".utf8)
        result += Array(Timestamp.format(message.id.acceptedAt).utf8)
        result += Array("'/>".utf8)
        StanzaStamp.appendCopy(of: stanza, to: &result)
        result += Array("</forwarded></result></message>".utf8)
        return result
    }
}
