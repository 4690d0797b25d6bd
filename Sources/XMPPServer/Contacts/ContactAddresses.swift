/// Contact addresses for XMPP services (XEP-0157): who answers for this server.
extension XMPPFeature {
    static var contactAddresses: XMPPFeature {
        XMPPFeature(
            "contacts", [Standard("XEP-0157", "Contact Addresses for XMPP Services", "1.1.1")],
            serverForms: { config in
                let fields = config.contacts.filter { !$0.value.isEmpty }.map {
                    DiscoveryForm.Field(name: "\($0.key)-addresses", values: $0.value)
                }
                guard !fields.isEmpty else { return [] }
                return [
                    DiscoveryForm(
                        type: "http://jabber.org/network/serverinfo", fields: fields.sorted { $0.name < $1.name })
                ]
            })
    }
}
