/// What one webhook registration trusts, as it was read.
enum RegistrationTrust: Equatable, Sendable {
    /// There is no such registration: nobody is called through it.
    case absent
    /// It could not be read.
    case unknown
    /// The certificates of each of its webhooks' `caBundle`; nil for one that is empty or mangled.
    case bundles([[String]?])

    /// Whether all its webhooks trust an authority.
    func includes(_ authority: String) -> Bool {
        switch self {
        case .absent: true
        case .unknown: false
        case .bundles(let bundles): bundles.allSatisfy { $0?.contains(authority) ?? false }
        }
    }

    /// Whether all its webhooks trust these authorities and no other, or that cannot be said.
    func isExactly(_ authorities: [String]) -> Bool {
        guard case .bundles(let bundles) = self else { return true }
        return bundles.allSatisfy { $0.map(Set.init) == Set(authorities) }
    }
}

/// What to do next for the certificate: a state machine without clock, randomness or socket.
///
/// Every replica runs its own, and all come to the same since each looks at the same Secret and writes it only in the
/// version that it has read. A generation's life:
///
/// 1. *Staged*: in the Secret as the next one; its authority goes into every `caBundle` beside the current one.
/// 2. *Promoted*, once all registrations have trusted it for a while: API servers learn of a change by a watch.
/// 3. *Used* by each replica that sees it promoted.
/// 4. The authority before stays in the bundles until no replica can be using it any more; then it is *retired*.
struct CertificatePlan {
    /// How long things are given to get around, in seconds.
    struct Times: Equatable, Sendable {
        /// How long an authority has to have been trusted before its certificate is used.
        var settling: Int64
        /// How long an authority of before is still trusted.
        var retirement: Int64
    }

    /// A place in the Secret.
    enum Slot: Equatable {
        case empty
        case keep(CertificateGeneration)
        /// To be filled with a new generation.
        case make
    }

    /// What the Secret shall hold, and why.
    struct Draft: Equatable {
        var reason: CertificateChange
        var current: Slot
        var next: Slot
        var previous: [String]
    }

    /// One thing to do, after which to look again.
    enum Step: Equatable {
        /// Write the Secret.
        case store(Draft)
        /// Serve with it.
        case use(CertificateGeneration)
        /// Have the registration of this number trust these authorities and no other.
        case trust(Int, [String])
        /// All is as it should be for now.
        case wait
    }

    let names: CertificateNames
    let times: Times
    /// What is served with here.
    private(set) var inUse: CertificateGeneration?
    /// Since when we have seen every registration trust an authority.
    private var trusted: [String: Int64] = [:]
    /// Since when we have seen these authorities of before.
    private var retiring: (authorities: [String], since: Int64) = ([], 0)

    /// More than this is a mess, not a history.
    private static let mostPrevious = 5

    init(names: CertificateNames, times: Times) {
        self.names = names
        self.times = times
    }

    /// Notes that new connections get it.
    mutating func took(_ generation: CertificateGeneration) { inUse = generation }

    /// Decides what comes next.
    ///
    /// - Parameters:
    ///   - store: What the Secret holds; an empty one where there is none.
    ///   - registrations: What each registration trusts, read before the Secret was.
    ///   - now: The time, in seconds since 1970.
    /// - Returns: What to do.
    mutating func step(_ store: CertificateStore, _ registrations: [RegistrationTrust], at now: Int64) -> Step {
        observe(store, registrations, now)
        let next = store.next.flatMap { $0.isUsable(at: now) ? $0 : nil }
        guard let current = store.current, current.isUsable(at: now) else {
            return .store(healing(store, next: next, registrations, now))
        }
        let following: Slot = next.map { .keep($0) } ?? .empty
        if let inUse, inUse.pair != current.pair {
            // Somebody put another one there without the care that we take; what is served with must stay trusted.
            if inUse.isUsable(at: now), !store.authorities.contains(inUse.authority) {
                return .store(
                    Draft(
                        reason: .mended, current: .keep(current), next: following,
                        previous: limited([inUse.authority] + store.previous)))
            }
            if !inUse.isUsable(at: now) || hasSettled(current.authority, now) { return .use(current) }
        } else if inUse == nil {
            return .use(current)
        }
        for (number, registration) in registrations.enumerated() where !registration.isExactly(store.authorities) {
            return .trust(number, store.authorities)
        }
        if let next, hasSettled(next.authority, now) {
            return .store(
                Draft(
                    reason: .promoted, current: .keep(next), next: .empty,
                    previous: limited([current.authority] + store.previous)))
        }
        if next == nil, current.isDue(at: now) || !names.areCovered(by: current.names) {
            return .store(Draft(reason: .staged, current: .keep(current), next: .make, previous: store.previous))
        }
        if !store.previous.isEmpty, now - retiring.since >= times.retirement, inUse?.pair == current.pair {
            return .store(Draft(reason: .retired, current: .keep(current), next: following, previous: []))
        }
        return .wait
    }

    private mutating func observe(_ store: CertificateStore, _ registrations: [RegistrationTrust], _ now: Int64) {
        var seen: [String: Int64] = [:]
        for authority in store.authorities where registrations.allSatisfy({ $0.includes(authority) }) {
            seen[authority] = trusted[authority] ?? now
        }
        trusted = seen
        if retiring.authorities != store.previous { retiring = (store.previous, now) }
    }

    private func hasSettled(_ authority: String, _ now: Int64) -> Bool {
        trusted[authority].map { now - $0 >= times.settling } ?? false
    }

    /// Without a usable certificate in the Secret, what is in use goes back, or what was to follow takes its place, or all
    /// begins anew.
    ///
    /// Whatever registrations trust meanwhile, they go on trusting for a while, since another replica may be
    /// serving with it.
    private func healing(
        _ store: CertificateStore, next: CertificateGeneration?, _ registrations: [RegistrationTrust], _ now: Int64
    ) -> Draft {
        var bundled: [String] = []
        for case .bundles(let bundles) in registrations {
            for bundle in bundles { bundled += bundle ?? [] }
        }
        let previous = store.previous + [store.current?.authority].compactMap { $0 } + bundled
        func draft(_ reason: CertificateChange, _ current: Slot, _ following: Slot) -> Draft {
            var kept: Set<String> = []
            for case .keep(let generation) in [current, following] { kept.insert(generation.authority) }
            return Draft(
                reason: reason, current: current, next: following,
                previous: limited(previous.filter { !kept.contains($0) }))
        }
        if let inUse, inUse.isUsable(at: now) {
            // Whoever deletes the Secret may want another certificate: it is renewed, in the orderly way.
            return draft(.restored, .keep(inUse), next.map { .keep($0) } ?? .make)
        }
        if let next { return draft(.promoted, .keep(next), .empty) }
        return draft(.made, .make, .empty)
    }

    private func limited(_ authorities: [String]) -> [String] {
        Array(distinct(authorities).prefix(CertificatePlan.mostPrevious))
    }
}
