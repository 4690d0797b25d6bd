import NIOCore

/// Writing requests, and what becomes of everything that arrives.
extension SIPFleet {
    /// Sends `request` and keeps it until its final answer.
    func send(_ request: SIPRequest) {
        let (slot, generation) = transactions.open(request)
        let bytes = write(request, branch: "z9hG4bKrb\(run).\(slot).\(generation)")
        transactions.sent(slot, bytes, at: ClientFleet.clock(), repeats: !isStream)
        sockets[users[request.user].socket].write(bytes)
    }

    /// `<sip:user@host:port>` of a user.
    func contact(of user: Int) -> String {
        let port = sockets[users[user].socket].port
        return "<sip:\(users[user].name)@\(options.localAddress):\(port)\(isStream ? ";transport=tcp" : "")>"
    }

    private func write(_ request: SIPRequest, branch: String) -> ByteBuffer {
        request.call.cseq += 1
        var text = ByteBufferAllocator().buffer(capacity: 1_024 + request.body.count)
        text.writeString("\(request.verb.name) ")
        text.writeBytes(request.uri)
        text.writeString(isStream ? " SIP/2.0\r\nVia: SIP/2.0/TCP " : " SIP/2.0\r\nVia: SIP/2.0/UDP ")
        text.writeString("\(options.localAddress):\(sockets[users[request.user].socket].port);branch=")
        text.writeString(branch)
        text.writeString(";rport\r\nMax-Forwards: 70\r\n")
        text.writeBytes(request.routes)
        text.writeString("From: <")
        text.writeBytes(users[request.user].address)
        text.writeString(">;tag=")
        text.writeBytes(request.call.localTag)
        text.writeString("\r\nTo: ")
        text.writeBytes(request.to)
        text.writeString("\r\nCall-ID: ")
        text.writeBytes(request.call.callID)
        text.writeString("\r\nCSeq: \(request.call.cseq) \(request.verb.name)\r\n")
        text.writeBytes(request.lines)
        writeCredentials(request, to: &text)
        text.writeString("Content-Length: \(request.body.count)\r\n\r\n")
        text.writeBytes(request.body)
        return text
    }

    private func writeCredentials(_ request: SIPRequest, to text: inout ByteBuffer) {
        guard let byProxy = users[request.user].challenged[request.verb.rawValue] else { return }
        let name = request.verb.name
        let value =
            byProxy
            ? users[request.user].proxyDigest?.credentials(method: name, uri: request.uri)
            : users[request.user].digest?.credentials(method: name, uri: request.uri)
        guard let value else { return }
        text.writeString(byProxy ? "Proxy-Authorization: " : "Authorization: ")
        text.writeBytes(value)
        text.writeString("\r\n")
    }

    // MARK: Arriving

    /// One whole message.
    func arrived(_ bytes: UnsafeRawBufferPointer, on socket: SIPSocket) {
        now = ClientFleet.clock()
        guard bytes.contains(where: { !SIPText.isSpace($0) && $0 != 0 }) else { return }
        guard let text = SIPText(bytes) else { return note("not SIP", bytes.text(limit: 200)) }
        if text.status == 0 {
            let status = receiver?.arrived(text) ?? 501
            socket.write(answer(to: text, status: status))
        } else if text.status >= 200 {
            responseArrived(text)
        }
    }

    private func responseArrived(_ response: SIPText) {
        guard let via = response.via, let branch = response.parameter(";branch=", of: via),
            let (slot, generation) = place(in: branch)
        else { return note("a response to nobody", response.bytes.text(limit: 200)) }
        // An answer that came again (RFC 3261 §17.1.2.2) finds nothing.
        guard let (request, sentAt) = transactions.close(slot, generation) else { return }
        if response.status == 401 || response.status == 407 {
            return challenged(request, response)
        }
        if counts.isOpen {
            counts.answers[request.verb.rawValue] &+= 1
            counts.answerLatency.record(now &- sentAt)
        }
        request.owner.answered(request, response)
    }

    /// The transaction's number and generation in a branch of this run.
    private func place(in branch: UnsafeRawBufferPointer) -> (Int, UInt32)? {
        let text = String(decoding: branch, as: UTF8.self)
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "z9hG4bKrb\(run)", let slot = Int(parts[1]),
            let generation = UInt32(parts[2])
        else { return nil }
        return (slot, generation)
    }

    private func challenged(_ request: SIPRequest, _ response: SIPText) {
        counts.challenges += 1
        let byProxy = response.status == 407
        let offered = response.challenges.lazy.filter { $0.isProxy == byProxy }
            .compactMap { DigestClient.Challenge(response.part($0.value)) }
        guard let challenge = offered.first(where: { $0.algorithm == self.options.algorithm }) else {
            note("\(options.algorithm.rawValue) not offered", response.bytes.text(limit: 600))
            return request.owner.answered(request, response)
        }
        // Once for an old nonce; twice means that the password is wrong.
        guard request.challengesAnswered == 0 || (challenge.isStale && request.challengesAnswered < 3) else {
            return request.owner.answered(request, response)
        }
        request.challengesAnswered += 1
        let user = request.user
        let client = DigestClient(
            challenge, username: users[user].name, password: options.password(user), clientNonce: "rb\(run)")
        if byProxy { users[user].proxyDigest = client } else { users[user].digest = client }
        users[user].challenged[request.verb.rawValue] = byProxy
        send(request)
    }

    /// A response with what RFC 3261 §8.2.6.2 copies from the request.
    func answer(to request: SIPText, status: Int) -> ByteBuffer {
        var text = ByteBufferAllocator().buffer(capacity: 512)
        text.writeString(status == 200 ? "SIP/2.0 200 OK\r\n" : "SIP/2.0 \(status) Refused\r\n")
        var place = SIPText.nextLine(in: request.bytes, from: 0) ?? request.bytes.count
        while let line = SIPText.header(in: request.bytes, at: place), let name = line.name {
            switch name {
            case .via, .from, .callID, .cseq, .recordRoute:
                text.writeBytes(request.bytes[place..<line.next])
            case .to:
                text.writeBytes(request.bytes[place..<line.value.upperBound])
                if request.parameter(";tag=", of: line.value) == nil { text.writeString(";tag=rb\(run)") }
                text.writeString("\r\n")
            default: break
            }
            place = line.next
        }
        text.writeString("Content-Length: 0\r\n\r\n")
        return text
    }
}
