import Evaluation
import JSON
import Kubernetes

/// The settings of the rules about images.
struct ImageSettings {
    let registries: [RepositoryPrefix]
    let pullThrough: PullThrough
    let ownRepositories: [RepositoryPrefix]
    let tagPattern: TagPattern

    init(_ context: Context) {
        registries = context[RuleSettings.registries]
        pullThrough = context[RuleSettings.pullThrough]
        ownRepositories = context[RuleSettings.ownRepositories]
        tagPattern = context[RuleSettings.tagPattern]
    }
}

extension ImageSettings {
    /// Whether images may come from there; false for what is no reference.
    func allows(_ image: ContainerImage) -> Bool {
        guard let parts = image.parts else { return false }
        return image.text.withContents { text in
            for registry in registries where registry.holds(parts, text) { return true }
            if pullThrough.isCached(parts, text) { return true }
            guard image.ecr != nil || PublicGallery.isTrusted(parts, text) else { return false }
            return pullThrough.route(parts, text) == nil
        }
    }

    /// Who builds an image, by where it is.
    func origin(of image: ContainerImage) -> ImageOrigin {
        guard let parts = image.parts else { return .foreign }
        return image.text.withContents { text in
            if pullThrough.isCached(parts, text) { return .foreign }
            if !ownRepositories.isEmpty {
                for repository in ownRepositories where repository.holds(parts, text) { return .own }
                return .foreign
            }
            return image.ecr.map { $0.isOfAddOns ? .foreign : .ownOrMirror } ?? .foreign
        }
    }

    /// A host of ECR that the settings name.
    var host: String? {
        (ownRepositories.map(\.registry) + pullThrough.cacheHosts).first { host in
            ECRHost(host.utf8.span, in: 0..<host.utf8.count) != nil
        }
    }
}

/// Who builds an image.
enum ImageOrigin {
    /// We do.
    case own
    /// We do, or it is a copy of somebody else's in our registry.
    case ownOrMirror
    /// Somebody else does.
    case foreign
}
