import Evaluation
import JSON
import Languages

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
    /// True if the settings allow the image's source; false for an invalid reference.
    func allows(_ image: ContainerImage) -> Bool {
        guard let parts = image.parts else { return false }
        return image.text.withContents { text in
            for registry in registries where registry.holds(parts, text) { return true }
            if pullThrough.isCached(parts, text) { return true }
            guard image.ecr != nil || PublicGallery.isTrusted(parts, text) else { return false }
            return pullThrough.route(parts, text) == nil
        }
    }

    /// Returns the origin of an image, derived from its repository.
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

    /// An ECR host from the settings.
    var host: String? {
        (ownRepositories.map(\.registry) + pullThrough.cacheHosts).first { host in
            ECRHost(host.utf8.span, in: 0..<host.utf8.count) != nil
        }
    }
}

/// The origin of an image.
enum ImageOrigin {
    /// Built here.
    case own
    /// Built here, or a copy of a third-party image in the same registry.
    case ownOrMirror
    /// A third-party image.
    case foreign
}
