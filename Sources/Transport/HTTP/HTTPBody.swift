import NIOCore

/// What becomes of the body of a request.
public enum HTTPIntake {
    /// Gathered up to the mount's `bodyBytes`, and handed over with the request.
    case gather
    /// Not read: the answer goes out, and the connection ends.
    case refuse(HTTPResponse)
    /// Handed over piece by piece as it comes; whoever takes it answers through the exchange.
    case stream(any HTTPBodySink)
}

/// Takes the body of a request while it arrives. Confined to the loop of the connection.
///
/// It may answer before the end of the body; the connection is then closed after the answer, and nothing more comes.
/// `HTTPExchange.hold` pauses the sender.
public protocol HTTPBodySink: AnyObject {
    func receive(_ part: ByteBuffer)
    /// The body is complete.
    func end()
    /// The body will not be complete. There is nobody to answer any more.
    func lost()
}

/// The body of a response, read while it is sent: never more than one piece is in memory.
public protocol HTTPBodySource: AnyObject {
    /// Bytes in all.
    var length: Int { get }
    /// Calls back with the next piece, never empty, on the loop of the connection; nil when it cannot be read.
    func next(_ then: @escaping (ByteBuffer?) -> Void)
    /// Nothing more is asked for. May come more than once.
    func close()
}
