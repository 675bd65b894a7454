{{/* The objects of files/NAME.yaml, as YAML: (list $ NAME). */}}
{{- define "playbook.objects" -}}
{{- $root := first . -}}
{{- $root.Files.Get (printf "files/%s.yaml" (last .)) | replace "RELEASE_NAMESPACE" $root.Release.Namespace -}}
{{- end -}}

{{/* The object of a kind in files/NAME.yaml, as YAML: (list $ NAME KIND). */}}
{{- define "playbook.object" -}}
{{- $kind := printf "\nkind: %s\n" (last .) -}}
{{- range splitList "---\n" (include "playbook.objects" (list (first .) (index . 1))) -}}
{{- if contains $kind . }}{{ . }}{{ end -}}
{{- end -}}
{{- end -}}

{{/* The image: by its digest, or by its tag. */}}
{{- define "playbook.image" -}}
{{- with .Values.image }}{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ required "image.tag or image.digest is required" .tag }}{{ end }}{{ end -}}
{{- end -}}

{{/* The data of the settings' ConfigMap, as YAML. */}}
{{- define "playbook.settings" -}}
{{- $data := (include "playbook.object" (list . "base" "ConfigMap") | fromYaml).data -}}
{{- $_ := set $data "PLAYBOOK_MODE" .Values.mode -}}
{{- if ne .Values.profile "standard" }}{{ $_ := set $data "PLAYBOOK_PROFILE" .Values.profile }}{{ end -}}
{{- if eq .Values.certificates.source "self" }}{{ $_ := set $data "PLAYBOOK_CERTIFICATES" "self" }}{{ end -}}
{{- if .Values.exemptions }}{{ $_ := set $data "PLAYBOOK_EXEMPT_FILE" "/etc/playbook/exemptions/exemptions.txt" }}{{ end -}}
{{- merge (deepCopy .Values.settings) $data | toYaml -}}
{{- end -}}

{{/* Changes a pod whose first container runs the program: (list $ POD). */}}
{{- define "playbook.pod" -}}
{{- $root := first . -}}
{{- $pod := last . -}}
{{- $container := first $pod.containers -}}
{{- $_ := set $container "image" (include "playbook.image" $root) -}}
{{- with $root.Values.image.pullPolicy }}{{ $_ := set $container "imagePullPolicy" . }}{{ end -}}
{{- range $root.Values.image.pullSecrets -}}
{{- $_ := set $pod "imagePullSecrets" (append ($pod.imagePullSecrets | default list) (dict "name" .)) -}}
{{- end -}}
{{- with $root.Values.nodeSelector }}{{ $_ := set $pod "nodeSelector" (merge (deepCopy .) ($pod.nodeSelector | default dict)) }}{{ end -}}
{{- with $root.Values.tolerations }}{{ $_ := set $pod "tolerations" . }}{{ end -}}
{{- if $root.Values.exemptions -}}
{{- $mount := dict "name" "exemptions" "mountPath" "/etc/playbook/exemptions" "readOnly" true -}}
{{- $_ := set $container "volumeMounts" (prepend ($container.volumeMounts | default list) $mount) -}}
{{- $volume := dict "name" "exemptions" "configMap" (dict "name" "playbook-exemptions") -}}
{{- $_ := set $pod "volumes" (prepend ($pod.volumes | default list) $volume) -}}
{{- end -}}
{{- end -}}

{{/* The rules for the kinds that the setting PLAYBOOK_WORKLOAD_KINDS adds, as `rules:` of a webhook or role: (list $ MEMBERS). */}}
{{- define "playbook.workloadRules" -}}
{{- $rules := list -}}
{{- range splitList "," (toString ((first .).Values.settings.PLAYBOOK_WORKLOAD_KINDS | default "")) -}}
{{- $parts := splitList "/" (splitList "=" . | first | trim) -}}
{{- if and (contains "=" .) (eq (len $parts) 2) -}}
{{- $plural := regexReplaceAll "([^aeiou])ys$" (printf "%ss" (regexReplaceAll "s$" (last $parts | lower) "se")) "${1}ies" -}}
{{- $rules = append $rules (merge (dict "apiGroups" (list (first $parts)) "resources" (list $plural)) (last $)) -}}
{{- end -}}
{{- end -}}
{{- dict "rules" ($rules | uniq) | toYaml -}}
{{- end -}}
