internal import HTTP

/// One connection to a server, from name resolution to its last response.
///
///     resolving ──> connecting ──> handshaking ──> sending ──> receiving ──> idle ──> sending …
///         each of them ends in `closed`, and every deadline belongs to one of them
final class ClientConnection: LoopMember {
    private enum Phase {
        case resolving, connecting, handshaking, idle, sending, receiving, closed
    }

    private let client: Client
    private var loop: ClientLoop { client.loop }
    private var token: UInt64 = 0
    private var phase = Phase.resolving
    private var transport: Transport?
    private var interest: Interest = .writable
    /// The addresses not tried yet, the next one last.
    private var addresses: [Address] = []
    private var call: Call?
    private var sent = 0
    private var reader = ResponseReader()
    /// The received bytes of an incomplete head.
    private var unread: [UInt8] = []
    private var hasAnswered = false
    private var closesAfterwards = false
    /// True if an earlier call was answered on this connection.
    private var isUsed = false

    init(client: Client) {
        self.client = client
        token = client.loop.add(self)
    }

    // MARK: Connecting

    func open(for call: Call) {
        self.call = call
        call.connection = self
        setDeadline(call.times.connect)
        if let address = client.endpoint.address {
            addresses = [address]
            // Later, since the caller does not have the call yet.
            loop.after(.zero) { [self] in connectToNext(after: nil) }
            return
        }
        let endpoint = client.endpoint
        do throws(SystemError) {
            try loop.offload({ Resolver.resolve(endpoint) }, then: { [self] in resolved($0) })
        } catch {
            call.fail(.cannotResolve(endpoint.host, reason: "\(error)"))
        }
    }

    private func resolved(_ outcome: Resolver.Outcome) {
        guard phase == .resolving else { return }
        switch outcome {
        case .addresses(let found):
            addresses = found.reversed()
            connectToNext(after: nil)
        case .failed(let reason): fail(.cannotResolve(client.endpoint.host, reason: reason))
        }
    }

    private func connectToNext(after error: CallError?) {
        guard phase == .resolving || phase == .connecting, let call else { return }
        // Closing the socket takes it out of epoll.
        transport = nil
        phase = .connecting
        guard let address = addresses.popLast() else {
            return fail(error ?? .timedOut(client.endpoint, .connecting))
        }
        setDeadline(call.times.connect)
        do throws(SystemError) {
            let transport = try Transport(connectingTo: address)
            self.transport = transport
            interest = .writable
            guard loop.poll.add(transport.socket.number, .writable, token: token) else {
                throw SystemError(last: "epoll_ctl", context: "\(address)")
            }
        } catch {
            connectToNext(after: .cannotConnect(error))
        }
    }

    private func connected() {
        guard let transport else { return }
        if let error = transport.connectFailure { return connectToNext(after: .cannotConnect(error)) }
        guard let tls = client.tls else { return begin() }
        guard transport.startTLS(tls, for: client.endpoint) else {
            return fail(.handshakeFailed(client.endpoint, reason: "the host is not a valid certificate name"))
        }
        phase = .handshaking
        continueHandshake()
    }

    private func continueHandshake() {
        switch transport?.session?.connect() {
        case .done: begin()
        case .wantsRead: watch(.readable)
        case .wantsWrite: watch(.writable)
        case .untrusted(let reason): fail(.untrusted(client.endpoint, reason: reason))
        case .failed(let reason): fail(.handshakeFailed(client.endpoint, reason: reason))
        case nil: fail(.cancelled)
        }
    }

    // MARK: A call

    /// Makes a call on an idle connection.
    func start(_ call: Call) {
        self.call = call
        call.connection = self
        isUsed = true
        prepare(call)
        // Later, since the caller does not have the call yet.
        loop.after(.zero) { [self] in if self.call === call, phase == .sending { send() } }
    }

    private func begin() {
        guard let call else { return close() }
        prepare(call)
        send()
    }

    private func prepare(_ call: Call) {
        phase = .sending
        sent = 0
        reader = ResponseReader()
        unread = []
        hasAnswered = false
        closesAfterwards = false
        setDeadline(call.times.response)
    }

    private func send() {
        guard let call, let transport else { return }
        while sent < call.bytes.count {
            let outcome = call.bytes.withUnsafeBytes { transport.write(UnsafeRawBufferPointer(rebasing: $0[sent...])) }
            switch outcome {
            case .bytes(let count): sent += count
            case .wantsWrite: return watch(.writable)
            case .wantsRead: return watch(.readable)
            // A server that rejects a request early may still have sent a response.
            case .end, .failed: return receive()
            }
        }
        phase = .receiving
        setDeadline(call.times.response)
        receive()
    }

    private func receive() {
        guard let call, let transport else { return }
        phase = .receiving
        for _ in 0..<LoopMembers<any LoopMember>.maxReads {
            loop.scratch.reset()
            switch transport.read(into: loop.scratch.vacant) {
            case .bytes(let count):
                loop.scratch.commit(count)
                if hasAnswered { setDeadline(call.times.silence) }
                deliverReceived(to: call)
                guard self.call === call, phase == .receiving else { return }
            case .wantsRead: return watch(.readable)
            case .wantsWrite: return watch(.writable)
            case .end: return ended(call)
            case .failed: return fail(.lost(client.endpoint, reason: transport.failure))
            }
        }
        watch(.readable)
        if transport.hasPending { loop.addUnfinished(token) }
    }

    private func deliver(_ bytes: UnsafeBufferPointer<UInt8>, to call: Call) {
        // A copy: the call's handler may end the call and this connection.
        var reader = reader
        do throws(MalformedResponse) {
            let span = bytes.span
            let consumed = try reader.read(span) { piece in
                guard !call.hasEnded else { return }
                switch piece {
                case .head(let head):
                    hasAnswered = true
                    closesAfterwards = head.closes
                    setDeadline(call.times.silence)
                    call.deliver(head)
                case .body(let range): call.deliver(span.extracting(range))
                case .end: break
                }
            }
            guard self.call === call, !call.hasEnded else { return }
            self.reader = reader
            // Bytes after the response do not belong to a call.
            guard !reader.isDone else { return finish(call, hasMore: consumed < bytes.count) }
            unread = Array(bytes[consumed...])
        } catch {
            fail(.malformedResponse(client.endpoint, error))
        }
    }

    /// Delivers the unread bytes and those in the scratch buffer to the call.
    private func deliverReceived(to call: Call) {
        // The scratch buffer and `all` do not change until the call's handler has returned.
        guard !unread.isEmpty else { return deliver(UnsafeBufferPointer(loop.scratch.bytes), to: call) }
        let all = unread + loop.scratch.bytes
        unread = []
        all.withUnsafeBufferPointer { deliver($0, to: call) }
    }

    private func ended(_ call: Call) {
        do throws(MalformedResponse) {
            try reader.end { _ in }
            finish(call, hasMore: true)
        } catch {
            fail(.lost(client.endpoint, reason: error.message))
        }
    }

    private func finish(_ call: Call, hasMore: Bool) {
        self.call = nil
        call.connection = nil
        if hasMore || closesAfterwards || sent < call.bytes.count {
            close()
        } else {
            phase = .idle
            watch(.readable)
            setDeadline(client.idleTime)
            client.addIdle(self)
        }
        call.finish(nil)
    }

    private func fail(_ error: CallError) {
        let call = call
        self.call = nil
        call?.connection = nil
        let mayRepeat = isUsed && !hasAnswered && unread.isEmpty
        close()
        guard let call, !call.hasEnded else { return }
        if case .lost = error, mayRepeat, call.isRepeatable {
            client.dispatch(call, onNewConnection: true)
        } else {
            call.finish(error)
        }
    }

    // MARK: Events

    func ready() {
        switch phase {
        case .resolving, .closed: break
        case .connecting: connected()
        case .handshaking: continueHandshake()
        case .sending: send()
        case .receiving: receive()
        case .idle: checkIdle()
        }
    }

    /// Closes an idle connection when the server sends anything but TLS's own messages.
    private func checkIdle() {
        loop.scratch.reset()
        guard transport?.read(into: loop.scratch.vacant) == .wantsRead else { return close() }
    }

    func expire() {
        switch phase {
        case .resolving, .handshaking: fail(.timedOut(client.endpoint, .connecting))
        case .connecting: connectToNext(after: .timedOut(client.endpoint, .connecting))
        case .sending: fail(.timedOut(client.endpoint, .sending))
        case .receiving: fail(.timedOut(client.endpoint, hasAnswered ? .silence : .response))
        case .idle: close()
        case .closed: break
        }
    }

    func cancel() {
        fail(.cancelled)
    }

    func close() {
        guard phase != .closed else { return }
        phase = .closed
        transport?.sendCloseNotify()
        transport = nil
        loop.remove(token)
        client.remove(self)
    }

    private func watch(_ wanted: Interest) {
        guard wanted != interest, let transport else { return }
        interest = wanted
        loop.poll.change(transport.socket.number, to: wanted, token: token)
    }

    private func setDeadline(_ duration: Duration) {
        loop.setDeadline(token, loop.now + duration)
    }
}
