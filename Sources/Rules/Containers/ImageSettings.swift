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

    /// Whether an image is built here.
    func isOwn(_ image: ContainerImage) -> Bool {
        guard let parts = image.parts else { return false }
        return image.text.withContents { text in
            if pullThrough.isCached(parts, text) { return false }
            if !ownRepositories.isEmpty {
                for repository in ownRepositories where repository.holds(parts, text) { return true }
                return false
            }
            return image.ecr.map { !$0.isOfAddOns } ?? false
        }
    }
}
