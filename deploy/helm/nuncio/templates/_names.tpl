{{/* What things are called. */}}

{{- define "nuncio.name" -}}
{{- if or (contains "emissary" .Release.Name) (contains "ambassador" .Release.Name) -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "nuncio.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if or (contains $name .Release.Name) (contains "emissary" .Release.Name) (contains "ambassador" .Release.Name) -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "nuncio.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end -}}

{{- define "nuncio.workloadName" -}}
{{- default (include "nuncio.fullname" .) .Values.deploymentNameOverride -}}
{{- end -}}

{{- define "nuncio.serviceName" -}}
{{- default (include "nuncio.fullname" .) .Values.service.nameOverride -}}
{{- end -}}

{{- define "nuncio.serviceAccountName" -}}
{{- $own := ternary (include "nuncio.fullname" .) "default" .Values.serviceAccount.create -}}
{{- default $own .Values.serviceAccount.name -}}
{{- end -}}

{{- define "nuncio.rbacName" -}}
{{- default (include "nuncio.fullname" .) .Values.rbac.nameOverride -}}
{{- end -}}

{{/* Of every object. */}}
{{- define "nuncio.labels" -}}
{{- $tool := default .Release.Service .Values.deploymentTool -}}
app.kubernetes.io/name: {{ include "nuncio.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ $tool }}
{{- if eq $tool "Helm" }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end -}}

{{/* By which pods are found. */}}
{{- define "nuncio.selector" -}}
{{- with .Values.service.selector -}}
{{- toYaml . -}}
{{- else -}}
app.kubernetes.io/name: {{ include "nuncio.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}
{{- end -}}

{{/* For a dict with `root` and `profile`, main or canary. */}}
{{- define "nuncio.image" -}}
{{- $values := .root.Values -}}
{{- $repository := default $values.defaultImageRepository $values.image.repository -}}
{{- $tag := default .root.Chart.AppVersion $values.image.tag -}}
{{- if $values.image.fullImageOverride -}}
{{- $values.image.fullImageOverride -}}
{{- else if eq .profile "canary" -}}
{{- printf "%s:%s" (default $repository $values.canary.image.repository) (default $tag $values.canary.image.tag) -}}
{{- else -}}
{{- printf "%s:%s" $repository $tag -}}
{{- end -}}
{{- end -}}

{{/* Whose custom resources are: those of AMBASSADOR_ID, if that is set. */}}
{{- define "nuncio.ambassadorId" -}}
{{- with (default dict .Values.env).AMBASSADOR_ID -}}
ambassador_id:
- {{ . | quote }}
{{- end -}}
{{- end -}}
