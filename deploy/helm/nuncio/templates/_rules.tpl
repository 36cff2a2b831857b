{{/* What the gateway may do; docs/permissions.md says what each buys. */}}

{{/* In the namespaces that are followed. */}}
{{- define "nuncio.rules" -}}
- apiGroups: [""]
  resources: ["services", "configmaps", "secrets"]
  verbs: ["get", "list", "watch"]
{{- if .Values.rbac.extended }}
- apiGroups: ["getambassador.io"]
  resources:
  {{- include "nuncio.kinds" . | nindent 2 }}
  - hosts
  verbs: ["get", "list", "watch"]
- apiGroups: ["networking.k8s.io"]
  resources: ["ingresses"]
  verbs: ["get", "list", "watch"]
- apiGroups: ["discovery.k8s.io"]
  resources: ["endpointslices"]
  verbs: ["get", "list", "watch"]
- apiGroups: [""]
  resources: ["events"]
  verbs: ["create", "patch"]
- apiGroups: ["getambassador.io"]
  resources:
  {{- include "nuncio.kinds" . | replace "s\n" "s/status\n" | nindent 2 }}/status
  verbs: ["patch"]
- apiGroups: ["networking.k8s.io"]
  resources: ["ingresses/status"]
  verbs: ["patch"]
{{- end }}
{{- if .Values.rbac.acme }}
- apiGroups: [""]
  resources: ["secrets"]
  verbs: ["create", "update"]
- apiGroups: ["getambassador.io"]
  resources: ["hosts/status"]
  verbs: ["patch"]
{{- end }}
{{- end -}}

{{/* Kinds that are read, and whose status is written. */}}
{{- define "nuncio.kinds" -}}
- mappings
- modules
- kubernetesserviceresolvers
- kubernetesendpointresolvers
- tracingservices
- tlscontexts
- listeners
- tcpmappings
{{- end -}}

{{- define "nuncio.subjects" -}}
- kind: ServiceAccount
  name: {{ include "nuncio.serviceAccountName" . }}
  namespace: {{ include "nuncio.namespace" . }}
{{- end -}}
