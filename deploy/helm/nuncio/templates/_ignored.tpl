{{/*
What is accepted and does nothing: keys of Emissary's chart that mean nothing here, and top keys that
nobody knows. One line each, for NOTES.txt.
*/}}
{{- define "nuncio.ignored" -}}
{{- $reasons := dict
  "agent" "there is no agent"
  "authService" "of Ambassador's commercial edition"
  "barePod" "for Emissary's own tests"
  "crds" "definitions are in the chart's folder crds: Helm installs them, and never changes or deletes them"
  "createDevPortalMappings" "of Ambassador's commercial edition"
  "devportal" "of Ambassador's commercial edition"
  "enableAES" "of Ambassador's commercial edition"
  "licenseKey" "of Ambassador's commercial edition"
  "rateLimit" "of Ambassador's commercial edition"
  "redis" "of Ambassador's commercial edition"
  "registry" "of Ambassador's commercial edition"
  "servicePreview" "of Ambassador's commercial edition"
  "waitForApiext" "there is no conversion webhook to wait for"
}}
{{- $defaults := regexSplit "\\s+" (include "nuncio.knownKeys" . | trim) -1 }}
{{- range $key := keys .Values | sortAlpha }}
{{- if hasKey $reasons $key }}
{{ $key }}: {{ get $reasons $key }}
{{- else if not (has $key $defaults) }}
{{ $key }}: no such key
{{- end }}
{{- end }}
{{- with .Values.security.podSecurityPolicy }}
security.podSecurityPolicy: Kubernetes has none since 1.25
{{- end }}
{{- with .Values.rbac.podSecurityPolicies }}
rbac.podSecurityPolicies: Kubernetes has none since 1.25
{{- end }}
{{- with .Values.adminService.snapshotPort }}
adminService.snapshotPort: there are no snapshots; /ambassador/v0/diag/?json=true has what is live
{{- end }}
{{- end -}}

{{/* What is rendered as it was said, and is most likely not what is meant. */}}
{{- define "nuncio.doubts" -}}
{{- if regexMatch "emissary|ambassador" (include "nuncio.image" (dict "root" . "profile" "main")) }}
image: that is Emissary's image, and the rest of this chart is not for it
{{- end }}
{{- if dig "preStop" "exec" "" (default dict .Values.lifecycle) }}
lifecycle.preStop.exec: the image has no shell and no other program; the gateway drains by itself
{{- end }}
{{- if .Values.resolvers.consul.create }}
resolvers.consul: the gateway does not ask Consul
{{- end }}
{{- if .Values.prometheusExporter.enabled }}
prometheusExporter: the gateway's own page is on 8877 then; without the exporter it is on 9102, too
{{- end }}
{{- if and .Values.metrics.serviceMonitor.enabled .Values.metrics.podMonitor.enabled }}
metrics: two monitors of one page double every sum
{{- end }}
{{- end -}}

{{- define "nuncio.knownKeys" -}}
adminService affinity ambassadorConfig autoscaling canary containerNameOverride
createDefaultListeners createNamespace daemonSet defaultImageRepository
deploymentAnnotations deploymentLabels deploymentNameOverride deploymentStrategy
deploymentTool dnsPolicy docker env envRaw fullnameOverride global hostNetwork image
imagePullSecrets ingressClassResource initContainers lifecycle livenessProbe metrics
module monitorService nameOverride namespace namespaceOverride networkPolicy
nodeSelector podAnnotations podDisruptionBudget podLabels priorityClassName
progressDeadlines prometheusExporter rbac readinessProbe replicaCount resolvers
resources restartPolicy scope security securityContext service serviceAccount
sidecarContainers startupProbe terminationGracePeriodSeconds test tolerations
topologySpreadConstraints volumeMounts volumeMountsRaw volumes volumesRaw
{{- end -}}
