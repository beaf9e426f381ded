{{/* A release may have dots in its name, a Service may not. 40: what is appended stays within 63, a CronJob's 52. */}}
{{- define "doorward.fullname" -}}
{{- $name := contains "doorward" .Release.Name | ternary .Release.Name (printf "%s-doorward" .Release.Name) -}}
{{- .Values.fullnameOverride | default $name | replace "." "-" | trunc 40 | trimAll "-" -}}
{{- end -}}

{{/* Labels that select: never change them, a Deployment's selector cannot. Takes (dict "root" $ "component" NAME). */}}
{{- define "doorward.selector" -}}
app.kubernetes.io/name: doorward
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* Labels of pods: nothing that changes with every release, or each upgrade would restart all of them. */}}
{{- define "doorward.podLabels" -}}
{{ include "doorward.selector" . }}
app.kubernetes.io/part-of: doorward
{{- end -}}

{{- define "doorward.labels" -}}
{{ include "doorward.podLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Image of a service. Takes (dict "root" $ "name" NAME). */}}
{{- define "doorward.image" -}}
{{- $image := .root.Values.image -}}
{{- $digest := get ($image.digests | default dict) .name -}}
{{- $path := printf "%s/%s" $image.repository .name -}}
{{- if $image.registry }}{{ $path = printf "%s/%s" $image.registry $path }}{{ end -}}
{{- if $digest }}{{ $path }}@{{ $digest }}{{ else }}{{ $path }}:{{ $image.tag | default .root.Chart.AppVersion }}{{ end -}}
{{- end -}}

{{/* Services that this release runs, as a JSON list. */}}
{{- define "doorward.services" -}}
{{- $services := list "auth" "users" -}}
{{- if .Values.tickets.enabled }}{{ $services = append $services "tickets" }}{{ end -}}
{{- $services | toJson -}}
{{- end -}}

{{/* The Secret of a kind: yours, or the one that the chart makes. Takes (dict "root" $ "kind" KIND). */}}
{{- define "doorward.secret" -}}
{{- (get .root.Values .kind).existingSecret | default (printf "%s-%s" (include "doorward.fullname" .root) .kind) -}}
{{- end -}}

{{- define "doorward.valkeyPasswordSecret" -}}
{{- .Values.valkey.passwordSecret | default (printf "%s-valkey" (include "doorward.fullname" .)) -}}
{{- end -}}

{{- define "doorward.databaseHost" -}}
{{- if .Values.mariadb.enabled -}}
{{ include "doorward.fullname" . }}-mariadb
{{- else -}}
{{ required "externalDatabase.host is needed where mariadb.enabled is false" .Values.externalDatabase.host }}
{{- end -}}
{{- end -}}

{{- define "doorward.databasePort" -}}
{{- .Values.mariadb.enabled | ternary 3306 (int .Values.externalDatabase.port) -}}
{{- end -}}

{{- define "doorward.managesAccounts" -}}
{{- if or .Values.mariadb.enabled .Values.externalDatabase.manageAccounts }}true{{ end -}}
{{- end -}}

{{- define "doorward.hasRedis" -}}
{{- if or .Values.valkey.enabled .Values.valkey.existingSecret }}true{{ end -}}
{{- end -}}
