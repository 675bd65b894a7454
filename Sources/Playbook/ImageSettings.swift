import JSON
import Kubernetes

/// The settings of the rules about images and what containers run.
public struct ImageSettings: Sendable {
    /// The value of `PLAYBOOK_REGISTRIES`.
    public internal(set) var registries: [RepositoryPrefix] = []
    /// The value of `PLAYBOOK_PULL_THROUGH`.
    public internal(set) var pullThrough = PullThrough([])
    /// The value of `PLAYBOOK_OWN_REPOSITORIES`; empty when unset.
    public internal(set) var ownRepositories: [RepositoryPrefix] = []
    /// The value of `PLAYBOOK_IMAGE_TAG_PATTERN`.
    public internal(set) var tagPattern = TagPattern.standard
}

extension Setting {
    static let imageRules: [Setting] = [
        .parsedList(
            "PLAYBOOK_REGISTRIES", .rules, "registries or paths in them", \.images.registries,
            "Where images may come from beside ECR: `quay.io`, `ghcr.io/team`, an alias of the public gallery (`public.ecr.aws/bitnami`). Docker's own are `docker.io/library`."
        ) { (text) throws(Misplaced) in try RepositoryPrefix(parsing: text) },
        .parsed(
            "PLAYBOOK_PULL_THROUGH", .rules, "REGISTRY=CACHE, separated by commas", \.images.pullThrough,
            "Registries that ECR caches: `docker.io=ACCOUNT.dkr.ecr.REGION.amazonaws.com/docker-hub`. Their images are to be named by the cache, and the fix does so; the longest prefix counts.",
            written: { $0.text }
        ) { (text) throws(Misplaced) in
            try PullThrough(parsing: text)
        },
        .parsedList(
            "PLAYBOOK_OWN_REPOSITORIES", .rules, "registries or paths in them", \.images.ownRepositories,
            "Where the images are that are built here, whose tags name a version and a commit; unset: all of ECR but the caches of `PLAYBOOK_PULL_THROUGH` and AWS's own."
        ) { (text) throws(Misplaced) in try RepositoryPrefix(parsing: text) },
        .parsed(
            "PLAYBOOK_IMAGE_TAG_PATTERN", .rules, "pattern", \.images.tagPattern,
            "What the tags of images that are built here look like. `{semver}` is 1.4.2 or 1.4.2-rc.1, `{sha}` 7 to 40 hex digits, `{number}` digits, `*` any text, `?` any character, `[…]` may be left out, `|` stands between alternatives. `latest` is refused whatever it says.",
            written: { $0.text }
        ) { (text) throws(Misplaced) in try TagPattern(parsing: text) },
    ]
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
