import NIOCore
import NIOHTTP1
import PresenceWire
import Transport
import XMLWire

/// One request for a document or a part of it.
struct XCAPQuery {
    let view: any XCAPView
    /// Nil for the document as a whole.
    let selector: NodeSelector?
    let request: HTTPRequest

    // MARK: GET

    static func answer(
        _ snapshot: XCAPService.Snapshot, _ selector: NodeSelector?, _ contentType: String, _ request: HTTPRequest
    ) -> HTTPResponse {
        var headers: HTTPHeaders = ["etag": snapshot.entityTag, "cache-control": "no-cache, private"]
        if let refusal = precondition(request, snapshot) {
            return HTTPResponse(refusal, headers: headers)
        }
        guard let selector else {
            headers.add(name: "content-type", value: contentType)
            return HTTPResponse(.ok, headers: headers, body: ByteBuffer(bytes: snapshot.bytes))
        }
        guard let node = selector.node(in: snapshot.root) else {
            return .text(.notFound, "the document has nothing there, or more than one")
        }
        headers.add(name: "content-type", value: node.contentType)
        return HTTPResponse(.ok, headers: headers, body: ByteBuffer(bytes: node.bytes))
    }

    /// RFC 9110 §13.2.2, for documents that are always there. Nil when nothing speaks against the request.
    private static func precondition(
        _ request: HTTPRequest, _ snapshot: XCAPService.Snapshot
    ) -> HTTPResponseStatus? {
        func has(_ name: String) -> Bool? {
            let tags = request.headers[canonicalForm: name]
            guard !tags.isEmpty else { return nil }
            return tags.contains { $0 == "*" || $0 == snapshot.entityTag }
        }
        if has("if-match") == false { return .preconditionFailed }
        guard has("if-none-match") == true else { return nil }
        return request.method == .GET || request.method == .HEAD ? .notModified : .preconditionFailed
    }

    // MARK: PUT, DELETE

    enum Edited {
        case answer(HTTPResponse)
        /// The whole document as it is to be.
        case write(XMLElement, isNew: Bool)
    }

    /// What the request makes of the document; nothing has changed yet.
    func edited(_ snapshot: XCAPService.Snapshot) -> Edited {
        if let refusal = Self.precondition(request, snapshot) {
            return .answer(HTTPResponse(refusal, headers: ["etag": snapshot.entityTag]))
        }
        if request.method == .PUT {
            let expected =
                switch selector?.terminal {
                case .element: NodeSelector.elementType
                case .attribute: NodeSelector.attributeType
                default: view.contentType
                }
            let given = request.headers.first(name: "content-type")?.prefix { $0 != ";" && $0 != " " }.lowercased()
            guard given == expected else {
                return .answer(.text(.unsupportedMediaType, "this resource is put as \(expected)"))
            }
        }
        do throws(XCAPFailure) {
            guard let (root, isNew) = try edit(snapshot.root) else {
                return .answer(.text(.notFound, "the document has nothing there, or more than one"))
            }
            try view.check(root)
            return .write(root, isNew: isNew)
        } catch {
            return .answer(.conflict(located(error), entityTag: snapshot.entityTag))
        }
    }

    private func edit(_ old: XMLElement) throws(XCAPFailure) -> (root: XMLElement, isNew: Bool)? {
        let body = Array(request.body.readableBytesView)
        guard let selector else { return (view.settled(try XCAPDocument.parse(body)), false) }
        var root = old
        var isNew = false
        switch (request.method, selector.terminal) {
        case (.PUT, .attribute):
            isNew = try selector.put(attribute: try XCAPDocument.parseAttribute(body), into: &root)
        case (.PUT, _):
            let element = try XCAPDocument.parseElement(
                body, namespace: selector.surroundingNamespace(in: old), prefixes: view.prefixes + selector.prefixes)
            isNew = try selector.put(view.settled(element), into: &root)
        default:
            guard try selector.delete(from: &root) else { return nil }
        }
        return (view.settled(root), isNew)
    }

    /// The nearest ancestor as a whole address (RFC 4825 §11.1).
    private func located(_ failure: XCAPFailure) -> XCAPFailure {
        guard case .noParent(let node) = failure.kind else { return failure }
        let document = request.path.components(before: "/~~/")
        let host = request.headers.first(name: "host") ?? "localhost"
        let address = "\(request.isSecure ? "https" : "http")://\(host)\(document)"
        return XCAPFailure(.noParent(ancestor: node.isEmpty ? address : "\(address)/~~/\(node)"), failure.phrase)
    }
}

extension String {
    /// What stands before the first occurrence, or all of it.
    fileprivate func components(before mark: String) -> String {
        let (bytes, mark) = (Array(utf8), Array(mark.utf8))
        guard bytes.count >= mark.count else { return self }
        for start in 0...(bytes.count - mark.count) where bytes[start..<(start + mark.count)].elementsEqual(mark) {
            return String(decoding: bytes[..<start], as: UTF8.self)
        }
        return self
    }
}
