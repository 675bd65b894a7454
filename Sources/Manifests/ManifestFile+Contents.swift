import JSON
import Kubernetes

extension ManifestFile {
    /// The contents of a file, which decide whether it is evaluated.
    public enum Contents: Sendable {
        /// It has at least one Kubernetes object.
        case objects
        /// It has AdmissionReviews, which `playbook review` evaluates.
        case reviews
        /// All of its objects change other objects: they have `$patch`, or are workloads without image or selector.
        case patches
        /// It has no object.
        case nothing
    }

    /// The contents; incomplete workloads and complete objects with `$patch` count as patches only beside a kustomization
    /// file.
    public func contents(isBesideKustomization: Bool) -> Contents {
        var (whole, patches, reviews) = (0, 0, 0)
        for document in documents {
            try? document.read(in: text) { root, objects in
                if root["kind"]?.string == "AdmissionReview" { reviews += 1 }
                for object in objects {
                    if object.type == nil {
                        if object.hasPatchDirective { patches += 1 }
                    } else if isBesideKustomization, object.hasPatchDirective || object.isIncompleteWorkload {
                        patches += 1
                    } else {
                        whole += 1
                    }
                }
            }
        }
        return whole > 0 ? .objects : reviews > 0 ? .reviews : patches > 0 ? .patches : .nothing
    }

    /// True if the text is meant to be a manifest, even if it cannot be parsed.
    ///
    /// It has the keys `apiVersion` and `kind`, at the start of a line or in quotes, and no template actions.
    public var isMeantAsManifest: Bool {
        var (hasVersion, hasKind) = (false, false)
        for line in 1...max(1, text.lineCount) {
            let bytes = text.bytes[text.range(ofLine: line)]
            if text.hasTemplate(onLine: line) { return false }
            hasVersion = hasVersion || bytes.starts(with: Array("apiVersion:".utf8))
            hasKind = hasKind || bytes.starts(with: Array("kind:".utf8))
        }
        return (hasVersion || text.hasQuotedKey("apiVersion")) && (hasKind || text.hasQuotedKey("kind"))
    }
}

extension SourceText {
    /// True if the text has a key in double quotes, as in JSON, whose value is not an object or list.
    fileprivate func hasQuotedKey(_ name: String) -> Bool {
        let key = Array("\"\(name)\"".utf8)
        let space: [UInt8] = [0x20, 0x09, 0x0A, 0x0D]
        var start = 0
        while let found = bytes.firstIndex(of: key, from: start) {
            start = found + key.count
            let rest = bytes[start...].drop { space.contains($0) }
            guard rest.first == UInt8(ascii: ":") else { continue }
            let value = rest.dropFirst().first { !space.contains($0) }
            if let value, value != UInt8(ascii: "{"), value != UInt8(ascii: "[") { return true }
        }
        return false
    }
}

extension Value {
    /// True if a member at any depth is `$patch`.
    var hasPatchDirective: Bool {
        members.contains { $0.key.equals("$patch") || $0.value.hasPatchDirective }
            || elements.contains { $0.hasPatchDirective }
    }

    /// True if an object with `$patch` can only change another one: it deletes one, or is a workload that the API server
    /// rejects because it has no image or selector.
    func isOnlyPatch(kind: String?, apiVersion: String?) -> Bool {
        if self["$patch"]?.equals("delete") ?? false { return true }
        guard let kind, let apiVersion else { return true }
        let type = ResourceKind(kind: kind, apiVersion: apiVersion)
        guard ResourceKinds.withPodSpec.contains(type) else { return false }
        if ManifestObject.kindsWithSelector.contains(type), self["spec"]?["selector"] == nil { return true }
        return !containers(of: type).contains { $0["image"] != nil }
    }

    /// The containers of a workload.
    fileprivate func containers(of kind: ResourceKind) -> [Value] {
        // A PodTemplate has no spec.
        let spec = kind == .podTemplate ? self : self["spec"]
        let job = kind == .cronJob ? spec?["jobTemplate"]?["spec"] : spec
        let pod = kind == .pod ? spec : job?["template"]?["spec"]
        return pod?["containers"].map { Array($0.elements) } ?? []
    }
}

extension ManifestObject {
    /// The workloads that need a selector.
    fileprivate static let kindsWithSelector: [ResourceKind] = [.deployment, .statefulSet, .daemonSet, .replicaSet]

    /// True for a workload without a selector in which a container has no image: a patch changes such fields only.
    fileprivate var isIncompleteWorkload: Bool {
        guard let type else { return false }
        let kind = ResourceKind(kind: type.kind, apiVersion: type.apiVersion)
        guard ResourceKinds.withPodSpec.contains(kind), let spec = value["spec"], spec["selector"] == nil else {
            return false
        }
        let containers = value.containers(of: kind)
        return containers.isEmpty || containers.contains { $0["image"] == nil }
    }
}
