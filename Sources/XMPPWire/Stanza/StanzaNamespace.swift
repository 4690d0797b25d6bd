/// Namespaces of stanzas (RFC 6120 §4.8.2, §8.3).
public enum StanzaNamespace {
    public static let client = "jabber:client"
    public static let errors = "urn:ietf:params:xml:ns:xmpp-stanzas"
}
