import Evaluation
import JSON
import Kubernetes

extension Rule {
    static let imageRegistry = Rule(
        id: "image-registry",
        title: "Images come from ECR",
        group: .containers,
        section: .containerization,
        rationale: """
            What is in ECR is scanned, is there when Docker Hub is not or counts the pulls, and was put there by somebody who is \
            known. In the public gallery, public.ecr.aws, anybody can publish: there only AWS's own images and Docker's \
            official ones are allowed. Images of other registries come through ECR's pull-through cache.
            """,
        level: .warn,
        concern: .security,
        scope: .allContainers,
        clauses: [ImageRegistryClause.reference, ImageRegistryClause.registry],
        settings: [RuleSettings.registries, RuleSettings.pullThrough],
        fault: .image,
        fix: .changes(
            "With `PLAYBOOK_PULL_THROUGH`: names the image by its registry's cache; the path, the tag and the digest stay."
        ),
        examples: imageRegistryExamples,
        check: { (subject, context, findings) throws(CannotJudge) in
            let images = ImageSettings(context)
            for image in try subject.images() where !images.allows(image) {
                try findings.step()
                report(image.text, images, findings)
            }
        }
    )
}

extension RuleSettings {
    static let registries: RuleSetting<[RepositoryPrefix]> = RuleSetting(
        "PLAYBOOK_REGISTRIES",
        .parsedList("registries or paths in them") { (text) throws(Misplaced) in try RepositoryPrefix(parsing: text) },
        default: [],
        "Where images may come from beside ECR: `quay.io`, `ghcr.io/team`, an alias of the public gallery (`public.ecr.aws/bitnami`). Docker's own are `docker.io/library`."
    )

    static let pullThrough = RuleSetting(
        "PLAYBOOK_PULL_THROUGH",
        .parsed("REGISTRY=CACHE, separated by commas", written: { $0.text }) { (text) throws(Misplaced) in
            try PullThrough(parsing: text)
        }, default: PullThrough([]),
        "Registries that ECR caches: `docker.io=ACCOUNT.dkr.ecr.REGION.amazonaws.com/docker-hub`. Their images are to be named by the cache, and the fix does so; the longest prefix counts."
    )
}

/// What the rule checks; its examples stand in a file of their own.
enum ImageRegistryClause {
    static let reference = Clause(
        "reference",
        "each image, of a container or a volume (`volumes[].image.reference`), is a name as Docker reads it")
    static let registry = Clause(
        "registry",
        "each image is in ECR, in public.ecr.aws under one of AWS's own aliases or `docker/library/`, in a registry of EKS add-ons, or in one of `PLAYBOOK_REGISTRIES`; where `PLAYBOOK_PULL_THROUGH` has a cache for it, it comes from there"
    )
}

private func report(_ image: Value, _ images: ImageSettings, _ findings: FindingCollector) {
    let (field, text) = (Field(image), image.text)
    let reference: ImageReference
    do throws(ImageReference.Malformed) {
        reference = try ImageReference(text)
    } catch {
        findings.add(ImageRegistryClause.reference, at: field, "is invalid: \(error)", choice: text) {
            $0.advice = "write it as REGISTRY/REPOSITORY:TAG"
        }
        return
    }
    let registry = reference.registry
    lazy var cached = images.pullThrough.rewritten(text)
    lazy var reason =
        cached != nil
        ? ", which ECR caches"
        : PublicGallery.refusal(of: reference).map { ", \($0)" } ?? "; use ECR or an allowed registry"
    findings.add(
        ImageRegistryClause.registry, at: field, "comes from \(registry)\(reason)",
        set: cached.map { .string($0) }, choice: reference.name
    ) {
        $0.isFixable = cached != nil
        if cached == nil { $0.advice = advice(reference, images) }
    }
}

/// Where the image can come from instead.
///
/// Of the public gallery only what is known to be somebody's is allowed, through a cache or not.
private func advice(_ reference: ImageReference, _ images: ImageSettings) -> String {
    guard let cache = reference.registry.cacheName, PublicGallery.refusal(of: reference) == nil else {
        return "copy it to a repository of your own in ECR, and use that"
    }
    let host = images.host ?? "ACCOUNT.dkr.ecr.REGION.amazonaws.com"
    return
        "use a copy in ECR, such as \(host)/\(cache)/\(reference.repository)\(reference.suffix) of a pull-through cache"
}

extension String {
    /// What the cache of a registry is called in AWS's own examples; nil for a registry that ECR does not cache (Amazon ECR User
    /// Guide, "Sync an upstream registry").
    fileprivate var cacheName: String? {
        switch self {
        case "docker.io": "docker-hub"
        case "ghcr.io": "github"
        case "quay.io": "quay"
        case "registry.k8s.io": "kubernetes"
        case "registry.gitlab.com": "gitlab"
        case "cgr.dev": "chainguard"
        case "public.ecr.aws", "ecr-public.aws.com": "ecr-public"
        default: hasSuffix(".azurecr.io") ? "azure" : nil
        }
    }
}
