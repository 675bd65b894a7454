import JSON
import Kubernetes

extension ManifestFile {
    /// The contents of a file, which decide whether it is evaluated.
    public enum Contents: Sendable {
        /// It has at least one Kubernetes object.
        case objects
        /// It has AdmissionReviews, which `playbook review` evaluates.
        case reviews
        /// All of its objects change other objects: they carry `$patch`, or are workloads without image or selector.
        case patches
        /// It has no object.
        case nothing
    }

    /// The contents; incomplete workloads count as patches only beside a kustomization file.
    public func contents(isBesideKustomization: Bool) -> Contents {
        var (whole, patches, reviews) = (0, 0, 0)
        for document in documents {
            try? document.read(in: text) { root, objects in
                if root["kind"]?.string == "AdmissionReview" { reviews += 1 }
                if document.carriesPatchDirective, root.hasPatchDirective { patches += 1 }
                for object in objects where object.type != nil {
                    if isBesideKustomization, object.isIncompleteWorkload { patches += 1 } else { whole += 1 }
                }
            }
        }
        return whole > 0 ? .objects : reviews > 0 ? .reviews : patches > 0 ? .patches : .nothing
    }

    /// True if the text is meant to be a manifest, even if it cannot be parsed: it has the keys `apiVersion` and `kind` and no
    /// template actions.
    public var isMeantAsManifest: Bool {
        var (hasVersion, hasKind) = (false, false)
        for line in 1...max(1, text.lineCount) {
            let bytes = text.bytes[text.range(ofLine: line)]
            if text.hasTemplate(onLine: line) { return false }
            hasVersion = hasVersion || bytes.starts(with: Array("apiVersion:".utf8))
            hasKind = hasKind || bytes.starts(with: Array("kind:".utf8))
        }
        return hasVersion && hasKind
    }
}

extension Value {
    /// True if a member at any depth is `$patch`: the object changes another one.
    var hasPatchDirective: Bool {
        members.contains { $0.key.equals("$patch") || $0.value.hasPatchDirective }
            || elements.contains { $0.hasPatchDirective }
    }
}

extension ManifestObject {
    /// True for a workload without a selector in which a container has no image: a patch changes such fields only.
    fileprivate var isIncompleteWorkload: Bool {
        guard let type else { return false }
        let kind = ResourceKind(kind: type.kind, apiVersion: type.apiVersion)
        guard ResourceKinds.withPodSpec.contains(kind), let spec = value["spec"], spec["selector"] == nil else {
            return false
        }
        let job = kind == .cronJob ? spec["jobTemplate"]?["spec"] : spec
        let pod = kind == .pod ? spec : job?["template"]?["spec"]
        let containers = pod?["containers"].map { Array($0.elements) } ?? []
        return containers.isEmpty || containers.contains { $0["image"] == nil }
    }
}
