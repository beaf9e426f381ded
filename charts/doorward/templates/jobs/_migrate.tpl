{{/* A container that brings one schema up to date. Takes (dict "root" $ "image" NAME "database" identity|tickets). */}}
{{- define "doorward.migrateContainer" -}}
- name: migrate-{{ .database }}
  image: {{ include "doorward.image" (dict "root" .root "name" .image) }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  args: [migrate, --wait, "180"]
  securityContext: {{ include "doorward.hardened" .root | nindent 4 }}
  env: {{ include "doorward.databaseEnv" (dict "root" .root "account" "owner" "database" .database) | nindent 4 }}
  resources: {{ include "doorward.jobResources" .root | nindent 4 }}
  volumeMounts: {{ include "doorward.mounts" .root | nindent 4 }}
{{- end -}}

{{/* A container that makes databases or accounts. Takes (dict "root" $ "command" databases|accounts). */}}
{{- define "doorward.accountsContainer" -}}
- name: {{ .command }}
  image: {{ .root.Values.mariadb.image }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  command: [sh, /rights/accounts.sh, {{ .command }}]
  securityContext: {{ include "doorward.hardened" .root | nindent 4 }}
  env:
    - {name: DOORWARD_DATABASE_HOST, value: {{ include "doorward.databaseHost" .root | quote }}}
    - {name: DOORWARD_DATABASE_PORT, value: {{ include "doorward.databasePort" .root | quote }}}
    - {name: DOORWARD_DATABASE_NAME, value: {{ .root.Values.externalDatabase.identityName | quote }}}
    {{- if not .root.Values.tickets.enabled }}
    - {name: DOORWARD_WITHOUT_TICKETS, value: "yes"}
    {{- end }}
    - {name: DOORWARD_DATABASE_TICKETS_NAME, value: {{ .root.Values.externalDatabase.ticketsName | quote }}}
    - {name: DOORWARD_DATABASE_ROOT, value: {{ .root.Values.externalDatabase.rootUser | quote }}}
    - {name: DOORWARD_DATABASE_PASSWORDS_DIR, value: /run/secrets/doorward}
    - {name: DOORWARD_DATABASE_WAIT_SECONDS, value: "180"}
    {{- if and (not .root.Values.mariadb.enabled) .root.Values.externalDatabase.tlsSecret }}
    - {name: DOORWARD_DATABASE_TLS_CA_FILE, value: /run/secrets/doorward/database-ca.crt}
    {{- end }}
    # Services run meanwhile, of this release and of the one before.
    - {name: DOORWARD_KEEP_RIGHTS, value: "yes"}
  resources: {{ include "doorward.jobResources" .root | nindent 4 }}
  volumeMounts:
    {{- include "doorward.mounts" .root | nindent 4 }}
    - {name: rights, mountPath: /rights, readOnly: true}
{{- end -}}

{{- define "doorward.jobResources" -}}
requests: {cpu: 50m, memory: 96Mi}
limits: {memory: 256Mi}
{{- end -}}

{{/* The pod of the migration: databases, schemas, rights, one after the other. Each may be repeated or killed. */}}
{{- define "doorward.migratePod" -}}
{{- $manages := include "doorward.managesAccounts" . -}}
{{- $steps := list (include "doorward.migrateContainer" (dict "root" . "image" "standalone" "database" "identity")) -}}
{{- if $manages }}{{ $steps = prepend $steps (include "doorward.accountsContainer" (dict "root" . "command" "databases")) }}{{ end -}}
{{- if .Values.tickets.enabled }}{{ $steps = append $steps (include "doorward.migrateContainer" (dict "root" . "image" "tickets" "database" "tickets")) }}{{ end -}}
{{- if $manages }}{{ $steps = append $steps (include "doorward.accountsContainer" (dict "root" . "command" "accounts")) }}{{ end -}}
{{- include "doorward.podBasics" (dict "root" . "component" "migrate") }}
restartPolicy: OnFailure
{{- with initial $steps }}
initContainers:
  {{- range . }}
  {{- . | nindent 2 }}
  {{- end }}
{{- end }}
containers:
  {{- last $steps | nindent 2 }}
volumes:
  {{- include "doorward.tmp" . | nindent 2 }}
  {{- $accounts := list "owner" }}
  {{- if $manages }}{{ $accounts = concat (list "root" "owner") (include "doorward.services" . | fromJsonArray) }}{{ end }}
  {{- include "doorward.secretsVolume" (dict "root" . "accounts" $accounts) | nindent 2 }}
  {{- if $manages }}
  - name: rights
    configMap: {name: {{ include "doorward.fullname" . }}-rights}
  {{- end }}
{{- end -}}
