import Crypto
import Foundation
import NIOCore
import NIOHTTP1
import NIOWebSocket

/// The opening handshake of WebSocket, the server's side (RFC 6455 §4.2).
public enum WebSocketHandshake {
    /// - Parameters:
    ///   - subprotocol: the only one spoken; a client that does not offer it is refused.
    ///   - frameBytes: largest frame; a larger one ends the connection with 1009.
    ///   - handler: made for the connection; reads and writes `WebSocketFrame`.
    public static func answer(
        _ request: HTTPRequest, subprotocol: String, frameBytes: Int,
        handler: @escaping () -> any ChannelInboundHandler
    ) -> HTTPUpgrade? {
        guard request.headers[canonicalForm: "upgrade"].contains(where: { $0.lowercased() == "websocket" }) else {
            return nil
        }
        guard request.method == .GET else { return .refuse(.text(.badRequest, "a WebSocket begins with GET")) }
        guard request.headers.first(name: "sec-websocket-version") == "13" else {
            var response = HTTPResponse.text(.upgradeRequired, "WebSocket version 13 is spoken here")
            response.headers.add(name: "sec-websocket-version", value: "13")
            return .refuse(response)
        }
        let keys = request.headers["sec-websocket-key"]
        guard keys.count == 1, let nonce = Data(base64Encoded: keys[0]), nonce.count == 16 else {
            return .refuse(.text(.badRequest, "Sec-WebSocket-Key is not 16 bytes in base 64"))
        }
        let offered = request.headers[canonicalForm: "sec-websocket-protocol"]
        guard offered.contains(where: { $0.lowercased() == subprotocol }) else {
            return .refuse(.text(.badRequest, "the subprotocol \(subprotocol) is spoken here"))
        }
        let headers: HTTPHeaders = [
            "upgrade": "websocket", "connection": "upgrade", "sec-websocket-accept": accept(keys[0]),
            "sec-websocket-protocol": subprotocol,
        ]
        return .accept(headers: headers) { channel in
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(WebSocketFrameEncoder())
            try pipeline.addHandler(ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: frameBytes)))
            try pipeline.addHandler(WebSocketProtocolErrorHandler())
            try pipeline.addHandler(handler())
        }
    }

    private static func accept(_ key: String) -> String {
        let digest = Insecure.SHA1.hash(data: Data((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8))
        return Data(digest).base64EncodedString()
    }
}
