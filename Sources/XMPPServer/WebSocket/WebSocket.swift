extension XMPPFeature {
    static var webSocket: XMPPFeature {
        XMPPFeature("websocket", [Standard("RFC 7395", "XMPP Subprotocol for WebSocket")])
    }
}
