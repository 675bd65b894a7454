import Evaluation
public import JSON
import Kubernetes

/// An object in a file, with the locations of its fields; valid only during the call that passes it.
public final class ManifestObject {
    /// The object.
    public let value: Value
    /// The kind and API version; nil if it is not a Kubernetes object.
    public let type: (kind: String, apiVersion: String)?
    /// The pointer to the object in its document: the root, unless it is an item of a list.
    public let place: Pointer
    /// True if a member at any depth is `$patch`; in the data of a ControllerRevision it has no effect.
    let hasPatchDirective: Bool
    let root: Value
    let document: ManifestDocument
    let text: SourceText

    init(
        _ value: Value, kind: String?, apiVersion: String?, at place: Pointer, root: Value, document: ManifestDocument,
        text: SourceText
    ) {
        self.value = value
        self.place = place
        self.root = root
        self.document = document
        self.text = text
        hasPatchDirective =
            document.carriesPatchDirective && kind != "ControllerRevision" && value.hasPatchDirective
        if hasPatchDirective, value.isOnlyPatch(kind: kind, apiVersion: apiVersion) {
            type = nil
        } else if let kind, value.kind == .object, let apiVersion {
            type = ManifestObject.isForTools(kind, apiVersion) ? nil : (kind, apiVersion)
        } else if let kind, value["metadata"]?.kind == .object, BuiltInKinds.allNames.contains(kind) {
            // Without apiVersion it is still meant for the API server, which rejects it.
            type = (kind, "")
        } else {
            type = nil
        }
    }

    /// True if an object is for a tool and not for the API server.
    private static func isForTools(_ kind: String, _ apiVersion: String) -> Bool {
        if kind == "AdmissionReview" || apiVersion == "v1" && kind == "Config" { return true }
        let group = apiVersion.prefix { $0 != "/" }
        return group.hasSuffix(".config.k8s.io") || toolGroups.contains(String(group))
    }

    private static let toolGroups: Set<String> = [
        "audit.k8s.io", "client.authentication.k8s.io", "eksctl.io", "helm.sh", "kind.x-k8s.io", "kubeadm.k8s.io",
        "skaffold",
    ]

    /// The uid; nil for an object that was not read from a cluster, which sets all of these fields.
    var uid: String? {
        guard let metadata = value["metadata"], metadata["resourceVersion"]?.string?.isEmpty == false,
            metadata["creationTimestamp"]?.string?.isEmpty == false, let uid = metadata["uid"]?.string
        else { return nil }
        return uid.isEmpty ? nil : uid
    }

    /// The key by which owner references name the object; nil for an object that was not read from a cluster.
    var ownerKey: OwnerKey? {
        guard let uid, let type else { return nil }
        let metadata = ObjectMeta(of: value)
        return OwnerKey(namespace: metadata.namespace ?? "", kind: type.kind, name: metadata.name ?? "", uid: uid)
    }

    private let children = ChildIndex()

    /// The line that it starts in.
    public var line: Int { text.line(of: document.range(of: value, in: root).lowerBound) }

    /// Returns the location of a field, or of its closest existing parent.
    ///
    /// It is the key with a value on the same line, the key alone before longer values, or the first line of a list element.
    public func region(of pointer: Pointer) -> Region {
        if let latest, latest.pointer == pointer { return latest.region }
        let region = region(of: range(of: pointer))
        latest = (pointer, region)
        return region
    }

    /// The last region: a text with many secrets has as many findings in one field.
    private var latest: (pointer: Pointer, region: Region)?

    private func region(of range: Range<Int>) -> Region {
        // Only the lines that can be shown are read, and secrets that start or end in them.
        let line = text.range(ofLine: text.location(of: range.lowerBound).line)
        let margin = 2048
        let start = max(line.lowerBound, range.lowerBound - margin)
        let shown = start..<max(start, min(line.upperBound, range.lowerBound + margin))
        return Region(range, in: text, hiding: hidden(in: shown) + SecretMask.secrets(in: text.bytes[shown]))
    }

    private func range(of pointer: Pointer) -> Range<Int> {
        var current = value
        var key: Value?
        var isThere = true
        for token in pointer.tokens {
            if current.kind == .array {
                guard let next = children[token, of: current] else {
                    isThere = false
                    break
                }
                (key, current) = (nil, next)
            } else {
                guard let found = children.member(token, of: current) else {
                    isThere = false
                    break
                }
                (key, current) = (found.key, found.value)
            }
        }
        let whole = document.range(of: current, in: root)
        guard let key else { return firstLine(of: whole) }
        let name = document.range(of: key, in: root)
        // The content of an alias is elsewhere.
        let isBeside =
            isThere && whole.lowerBound >= name.upperBound
            && text.line(of: whole.upperBound - 1) == text.line(of: name.lowerBound)
        return isBeside ? name.lowerBound..<whole.upperBound : name
    }

    private func firstLine(of range: Range<Int>) -> Range<Int> {
        let end = text.range(ofLine: text.line(of: range.lowerBound)).upperBound
        return range.lowerBound..<max(range.lowerBound, min(range.upperBound, end))
    }

    // MARK: Secrets

    /// The ranges that output must not show: possible secrets, regardless of the rules.
    private lazy var hidden: [Range<Int>] = {
        var ranges: [Range<Int>] = []
        hide(in: value, key: "", within: false, &ranges)
        // The content of an alias is elsewhere.
        return ranges.sorted { $0.lowerBound < $1.lowerBound }
    }()

    /// The longest of them, to find those that start before a range.
    private lazy var longestHidden = hidden.reduce(0) { max($0, $1.count) }

    /// The hidden ranges that overlap a range of the text.
    private func hidden(in stretch: Range<Int>) -> [Range<Int>] {
        var (low, high) = (0, hidden.count)
        while low < high {
            let middle = (low + high) / 2
            if hidden[middle].lowerBound + longestHidden < stretch.lowerBound {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return hidden[low...].prefix { $0.lowerBound <= stretch.upperBound }.filter {
            $0.upperBound >= stretch.lowerBound
        }
    }

    private func hide(in value: Value, key: String, within isHidden: Bool, _ ranges: inout [Range<Int>]) {
        switch value.kind {
        case .object:
            for member in value.members {
                let name = member.key.text
                hide(
                    in: member.value, key: name,
                    within: isHidden || ManifestObject.textMembers.contains(name)
                        || (name == "value" && ManifestObject.pairs.contains(key)),
                    &ranges)
            }
        // An element has the key of its list.
        case .array: for element in value.elements { hide(in: element, key: key, within: isHidden, &ranges) }
        default:
            guard isHidden || ManifestObject.soundsSecret(key) else { return }
            ranges.append(document.range(of: value, in: root))
        }
    }

    /// The members that contain free text.
    private static let textMembers: Set<String> = [
        "data", "stringData", "binaryData", "annotations", "args", "command",
    ]

    /// The lists of names and values.
    private static let pairs: Set<String> = ["env", "httpHeaders"]

    private static func soundsSecret(_ key: String) -> Bool {
        let key = key.lowercased()
        return ["password", "secret", "token", "credential"].contains { key.hasSuffix($0) }
    }
}
