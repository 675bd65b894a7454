import JSON
import Kubernetes

/// The image of a container, taken apart once for all rules that ask.
struct ContainerImage {
    let container: Container
    /// The reference as it is written.
    let text: Value
    /// Where its parts stand; nil where it is none as Docker reads it.
    let parts: ImageParts?
    /// The registry in ECR that it is in; nil where it is in another.
    let ecr: ECRHost?

    init(_ text: Value, of container: Container) {
        self.container = container
        self.text = text
        (parts, ecr) = text.withContents { text in
            let parts = try? ImageParts(text)
            return (parts, parts?.registry.flatMap { ECRHost(text, in: $0) })
        }
    }
}

extension Subject {
    /// The images of the template's containers, of those that name one.
    func images() throws(CannotJudge) -> [ContainerImage] { try foundImages.get() }

    /// Looks for them.
    func findImages() throws(CannotJudge) -> [ContainerImage] {
        guard let template = try template() else { return [] }
        var found: [ContainerImage] = []
        found.reserveCapacity(template.containers.count)
        for container in template.containers {
            if let image = try container.image() { found.append(ContainerImage(image, of: container)) }
        }
        return found
    }
}
