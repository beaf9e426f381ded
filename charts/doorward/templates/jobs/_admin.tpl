{{- define "doorward.adminPod" -}}
{{- include "doorward.podBasics" (dict "root" . "component" "admin") }}
restartPolicy: OnFailure
containers:
  - name: create-admin
    image: {{ include "doorward.image" (dict "root" . "name" "standalone") }}
    imagePullPolicy: {{ .Values.image.pullPolicy }}
    args: [create-admin, --wait, "300"]
    securityContext: {{ include "doorward.hardened" . | nindent 6 }}
    env:
      {{- include "doorward.databaseEnv" (dict "root" . "account" "owner" "database" "identity") | nindent 6 }}
      - {name: DOORWARD_ADMIN_EMAIL, value: {{ .Values.admin.email | quote }}}
      - {name: DOORWARD_ADMIN_PASSWORD_FILE, value: /run/secrets/doorward/admin-password}
    resources: {{ include "doorward.jobResources" . | nindent 6 }}
    volumeMounts: {{ include "doorward.mounts" . | nindent 6 }}
volumes:
  {{- include "doorward.tmp" . | nindent 2 }}
  {{- include "doorward.secretsVolume" (dict "root" . "accounts" (list "owner") "more" (include "doorward.adminSecret" .)) | nindent 2 }}
{{- end -}}

{{- define "doorward.adminSecret" -}}
- secret:
    name: {{ include "doorward.secret" (dict "root" . "kind" "admin") }}
    items:
      - {key: admin-password, path: admin-password}
{{- end -}}
