/// Who sent a stanza: a client, a service of ours, a component. Hears of errors and of what became durable.
public protocol StanzaSource: AnyObject, MessageOrigin {
    /// Prepared address, as bytes: full for a client, the domain for a service.
    var address: [UInt8] { get }
    /// Empty for a service.
    var resource: String { get }
    /// Delivers a stanza that nobody keeps: an error, an answer.
    func deliver(_ bytes: [UInt8])
}
