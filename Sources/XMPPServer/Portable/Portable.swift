/// The portable format of accounts (XEP-0227): `IMCore/Portable`, used on the command line.
extension XMPPFeature {
    static var portable: XMPPFeature {
        XMPPFeature(
            "portable",
            [
                Standard(
                    "XEP-0227", "Portable Import/Export Format for XMPP-IM Servers", "1.1",
                    .partial("XInclude is not followed"))
            ])
    }
}
