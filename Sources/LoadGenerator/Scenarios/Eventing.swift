import Crypto
import Foundation

/// What a client says that takes part in personal eventing (XEP-0163): its capabilities, and the item it publishes.
enum Eventing {
    private static let identity = "client/bot//roost bench"
    private static let features = [
        "http://jabber.org/protocol/caps", "http://jabber.org/protocol/disco#info",
        "http://jabber.org/protocol/tune", "http://jabber.org/protocol/tune+notify",
    ]
    private static let node = "https://roost.im/bench"

    /// XEP-0115 §5.
    private static let verification: String = {
        let text = identity + "<" + features.sorted().map { $0 + "<" }.joined()
        return Data(Insecure.SHA1.hash(data: Data(text.utf8))).base64EncodedString()
    }()

    static let presence =
        "<presence><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='\(node)' ver='\(verification)'/></presence>"

    static let information =
        "<query xmlns='http://jabber.org/protocol/disco#info' node='\(node)#\(verification)'>"
        + "<identity category='client' type='bot' name='roost bench'/>"
        + features.map { "<feature var='\($0)'/>" }.joined() + "</query>"

    /// Before the stamp and behind the body.
    static let head =
        "<iq type='set' id='item'><pubsub xmlns='http://jabber.org/protocol/pubsub'>"
        + "<publish node='http://jabber.org/protocol/tune'><item id='current'>"
        + "<tune xmlns='http://jabber.org/protocol/tune'><title>"
    static let tail = "</title></tune></item></publish></pubsub></iq>"
}
